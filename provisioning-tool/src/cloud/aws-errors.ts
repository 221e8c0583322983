import { types } from 'node:util';
import { messageOf, systemCodeOf } from '../refusal.ts';
import { CloudFailure, type CloudFailureKind } from './iot-registry.ts';

const throttles = new Set([
  'ThrottlingException',
  'Throttling',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'SlowDown',
]);

/** Names under which AWS and the SDK refuse credentials (IAM «Common errors», SigV4 troubleshooting). */
const credentialErrors = new Set([
  'CredentialsProviderError',
  'TokenProviderError',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'SignatureDoesNotMatchException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  'AccessDenied',
  'AccessDeniedException',
  'UnauthorizedException',
  'NotAuthorized',
]);

const conflicts = new Set([
  'ResourceAlreadyExistsException',
  'CertificateConflictException',
  'ConflictException',
  'VersionConflictException',
]);

/** Says in one word what an error of the SDK means for the run, and in a sentence what to do. */
export function cloudFailureOf(operation: string, error: unknown): CloudFailure {
  if (error instanceof CloudFailure) return error;
  const name = types.isNativeError(error) ? error.name : '';
  const kind = kindOf(name, statusOf(error), error);
  return new CloudFailure(kind, operation, sentenceOf(kind, operation, name, messageOf(error)), error);
}

function statusOf(error: unknown): number | undefined {
  if (!types.isNativeError(error) || !('$metadata' in error)) return undefined;
  const { $metadata } = error;
  if (typeof $metadata !== 'object' || $metadata === null || !('httpStatusCode' in $metadata))
    return undefined;
  return typeof $metadata.httpStatusCode === 'number' ? $metadata.httpStatusCode : undefined;
}

function kindOf(name: string, status: number | undefined, error: unknown): CloudFailureKind {
  if (throttles.has(name) || status === 429) return 'throttled';
  if (credentialErrors.has(name)) return 'credentials';
  if (conflicts.has(name)) return 'conflict';
  if (name === 'ResourceNotFoundException') return 'not-found';
  if (status === undefined || status >= 500) return isProgrammingError(error) ? 'rejected' : 'unavailable';
  if (status === 401 || status === 403) return 'credentials';
  // An answer that is not AWS's (a captive portal, a proxy) carries no error name of its own.
  if (name === 'SyntaxError') return 'unavailable';
  return 'rejected';
}

function isProgrammingError(error: unknown): boolean {
  return (
    types.isNativeError(error) &&
    (error.name === 'TypeError' || error.name === 'RangeError') &&
    systemCodeOf(error) === undefined
  );
}

function sentenceOf(kind: CloudFailureKind, operation: string, name: string, message: string): string {
  switch (kind) {
    case 'throttled':
      return `AWS IoT throttles ${operation}.`;
    case 'unavailable':
      return `AWS IoT does not answer ${operation} (${name}: ${message}); check the network, then run the same command again.`;
    case 'credentials':
      return (
        `AWS does not allow ${operation} (${name}: ${message}); check the credentials, their permissions ` +
        '(README, «Least permissions») and the clock of this computer.'
      );
    case 'conflict':
      return `AWS IoT has something else there already (${operation}: ${message}).`;
    case 'not-found':
      return `AWS IoT does not find what ${operation} needs (${message}).`;
    case 'rejected':
      return `AWS IoT refuses ${operation} (${name}: ${message}).`;
  }
}
