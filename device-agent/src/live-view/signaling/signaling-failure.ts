import { CredentialError } from '../../credentials/credential-error.ts';
import { ServiceCallError } from '../../streaming/service-call.ts';
import { ConnectError } from './signaling-connection.ts';

/** What to do when the way to the channel is barred. */
export interface SignalingFailure {
  message: string;
  /** The credentials are not accepted any more, whatever their expiry says. */
  renew: boolean;
  /** The channel may have been deleted, and made again. */
  relocate: boolean;
}

const renewing = ['ExpiredTokenException', 'UnrecognizedClientException', 'InvalidClientTokenId'];

const advice: Readonly<Record<string, string>> = {
  ResourceNotFoundException:
    'There is no channel for this board yet: the backend makes it at the hand-over, or for the first viewer.',
  AccessDeniedException:
    'In the role of the board allow kinesisvideo:DescribeSignalingChannel, GetSignalingChannelEndpoint, GetIceServerConfig and ConnectAsMaster on its channel.',
  InvalidSignatureException: 'The signature is not accepted: check the clock of the board (NTP).',
  ClientLimitExceededException: 'Too many attempts at a time: the agent waits.',
};

/** What an exception on the way to the channel means; the message is for the log and the status. */
export function signalingFailureOf(error: unknown): SignalingFailure {
  const name = nameOf(error);
  const hint = advice[name === 'NotAuthorizedException' ? 'AccessDeniedException' : name] ?? '';
  const said = error instanceof ServiceCallError ? `${error.message.split('. ')[0]}.` : messageOf(error);
  return {
    message: error instanceof CredentialError || hint === '' ? messageOf(error) : `${said} ${hint}`,
    renew: renewing.includes(name),
    relocate: name === 'ResourceNotFoundException',
  };
}

function nameOf(error: unknown): string {
  if (error instanceof ServiceCallError) return error.decision.name;
  if (!(error instanceof ConnectError)) return '';
  return (
    error.exception ??
    (error.status === 404 ? 'ResourceNotFoundException' : error.status === 403 ? 'AccessDeniedException' : '')
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
