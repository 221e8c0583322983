import { AwsError } from '../kernel/aws-error.ts';
import type { ShadowError, ShadowErrorCode } from './shadow-error.ts';

const shadowErrorTypes: Readonly<Record<ShadowErrorCode, string>> = {
  400: 'InvalidRequestException',
  404: 'ResourceNotFoundException',
  409: 'ConflictException',
  413: 'RequestEntityTooLargeException',
  415: 'UnsupportedDocumentEncodingException',
  429: 'ThrottlingException',
};

/** A shadow's refusal as the HTTPS data plane words it. */
export function shadowRefusal({ code, message }: ShadowError): AwsError {
  return new AwsError(shadowErrorTypes[code], code, message);
}

export const invalidRequest = (message: string): AwsError =>
  new AwsError('InvalidRequestException', 400, message);
export const notFound = (message: string): AwsError =>
  new AwsError('ResourceNotFoundException', 404, message);
export const tooLarge = (message: string): AwsError =>
  new AwsError('RequestEntityTooLargeException', 413, message);
export const throttled = (): AwsError => new AwsError('ThrottlingException', 429, 'Rate exceeded');
/** AWS IoT data plane API reference, "Errors" of each action. */
export const methodNotAllowed = (): AwsError =>
  new AwsError(
    'MethodNotAllowedException',
    405,
    'The specified combination of HTTP verb and URI is not supported.',
  );
