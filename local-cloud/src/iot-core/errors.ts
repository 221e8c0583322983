import { AwsError } from '../kernel/aws-error.ts';

/** The control plane's exceptions with the statuses of the AWS IoT API reference (LimitExceeded is 410, Throttling 400). */
export const invalidRequest = (message: string): AwsError =>
  new AwsError('InvalidRequestException', 400, message);
export const certificateInvalid = (message: string): AwsError =>
  new AwsError('CertificateValidationException', 400, message);
export const registrationCodeInvalid = (message: string): AwsError =>
  new AwsError('RegistrationCodeValidationException', 400, message);
export const malformedPolicy = (message: string): AwsError =>
  new AwsError('MalformedPolicyException', 400, message);
export const throttled = (): AwsError => new AwsError('ThrottlingException', 400, 'Rate exceeded');
export const notFound = (message: string): AwsError =>
  new AwsError('ResourceNotFoundException', 404, message);
export const certificateState = (message: string): AwsError =>
  new AwsError('CertificateStateException', 406, message);
export const certificateConflict = (message: string): AwsError =>
  new AwsError('CertificateConflictException', 409, message);
export const deleteConflict = (message: string): AwsError =>
  new AwsError('DeleteConflictException', 409, message);
export const versionConflict = (message: string): AwsError =>
  new AwsError('VersionConflictException', 409, message);
export const versionsLimitExceeded = (message: string): AwsError =>
  new AwsError('VersionsLimitExceededException', 409, message);
export const limitExceeded = (message: string): AwsError =>
  new AwsError('LimitExceededException', 410, message);

export const alreadyExists = (message: string, resourceId: string, resourceArn: string): AwsError =>
  new AwsError('ResourceAlreadyExistsException', 409, message, { resourceId, resourceArn });
