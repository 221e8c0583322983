import { AwsError } from '../kernel/aws-error.ts';

/**
 * The refusals of the credential provider, word for word as AWS gives them (awslabs
 * aws-iot-core-credential-provider-session-helper, "dev notes"). AWS's type names of the last three are not published.
 */
export const invalidThing = (): AwsError =>
  new AwsError('AccessDeniedException', 403, 'Invalid thing name passed');
export const accessDenied = (): AwsError => new AwsError('AccessDeniedException', 403, 'Access Denied');
export const noSuchAlias = (): AwsError =>
  new AwsError('ResourceNotFoundException', 404, 'Role alias does not exist');
export const cannotAssume = (): AwsError =>
  new AwsError(
    'InvalidRequestException',
    400,
    'Unable to assume the role, or the role to assume does not exist',
  );
export const durationTooLong = (): AwsError =>
  new AwsError(
    'InvalidRequestException',
    400,
    'The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role',
  );
