import { AwsError } from '../kernel/aws-error.ts';

/** Refusals of the AWS KMS API Reference, "Errors" of each operation; all are 400 but the internal ones. */
export const notFound = (what: string): AwsError =>
  new AwsError('NotFoundException', 400, `${what} is not found.`);
export const validation = (message: string): AwsError => new AwsError('ValidationException', 400, message);
export const disabled = (arn: string): AwsError =>
  new AwsError('DisabledException', 400, `${arn} is disabled.`);
export const invalidState = (arn: string): AwsError =>
  new AwsError('KMSInvalidStateException', 400, `${arn} is pending deletion.`);
export const invalidKeyUsage = (message: string): AwsError =>
  new AwsError('InvalidKeyUsageException', 400, message);
export const unsupported = (message: string): AwsError =>
  new AwsError('UnsupportedOperationException', 400, message);
export const invalidSignature = (): AwsError => new AwsError('KMSInvalidSignatureException', 400, '');
export const aliasExists = (arn: string): AwsError =>
  new AwsError('AlreadyExistsException', 400, `An alias with the name ${arn} already exists`);
