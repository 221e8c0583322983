/**
 * What becomes of a stream after an error. The connection that met it is over in every case.
 * - `resend`: open another and send again what is not persisted;
 * - `skip`: the fragment will be refused again, so it is given up; the rest is sent over another connection;
 * - `rediscover`: like `resend`, after asking for the data endpoint anew;
 * - `renew`: like `resend`, with new credentials;
 * - `stop`: a person must mend something; tried again rarely, in case they did.
 */
export type Decision = 'resend' | 'skip' | 'rediscover' | 'renew' | 'stop';

export interface ErrorDecision {
  name: string;
  decision: Decision;
  /** For the log and `status`: what it means, and what to do. */
  advice: string;
}

const kms = (name: string, advice: string, decision: Decision = 'stop'): ErrorDecision => ({
  name,
  decision,
  advice,
});

/** Every ErrorId of a PutMedia acknowledgement (Developer Guide, "PutMedia", "Error acknowledgements"). */
const byErrorId: Readonly<Record<number, ErrorDecision>> = {
  4000: {
    name: 'STREAM_READ_ERROR',
    decision: 'resend',
    advice: 'The service could not read the connection.',
  },
  4001: {
    name: 'MAX_FRAGMENT_SIZE_REACHED',
    decision: 'skip',
    advice: 'A fragment was over 50 MB: lower the bitrate.',
  },
  4002: {
    name: 'MAX_FRAGMENT_DURATION_REACHED',
    decision: 'skip',
    advice: 'A fragment was too long: set the keyframe interval of the camera to 1 or 2 s.',
  },
  4003: {
    name: 'MAX_CONNECTION_DURATION_REACHED',
    decision: 'resend',
    advice: 'The connection was 45 minutes old.',
  },
  4004: {
    name: 'FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS',
    decision: 'skip',
    advice: 'Time ran backwards: check the clock of the board and that the camera sends no B pictures.',
  },
  4005: {
    name: 'MORE_THAN_ONE_TRACK_FOUND',
    decision: 'stop',
    advice: 'The agent is too new for the service: update it.',
  },
  4006: { name: 'INVALID_MKV_DATA', decision: 'skip', advice: 'The service could not read a fragment.' },
  4007: {
    name: 'INVALID_PRODUCER_TIMESTAMP',
    decision: 'skip',
    advice: 'The clock of the board is wrong: set it (NTP), then streaming goes on.',
  },
  4008: {
    name: 'STREAM_NOT_ACTIVE',
    decision: 'stop',
    advice: 'The stream was deleted: provision the board again.',
  },
  4009: {
    name: 'FRAGMENT_METADATA_LIMIT_REACHED',
    decision: 'skip',
    advice: 'A fragment had more than 10 tags.',
  },
  4010: { name: 'TRACK_NUMBER_MISMATCH', decision: 'skip', advice: 'The track changed within a connection.' },
  4011: { name: 'FRAMES_MISSING_FOR_TRACK', decision: 'skip', advice: 'A fragment had no picture.' },
  4012: {
    name: 'MORE_THAN_ALLOWED_TRACKS_FOUND',
    decision: 'stop',
    advice: 'The stream allows fewer tracks.',
  },
  4500: kms('KMS_KEY_ACCESS_DENIED', 'Allow the board to use the KMS key of the stream.'),
  4501: kms('KMS_KEY_DISABLED', 'Enable the KMS key of the stream.'),
  4502: kms('KMS_KEY_VALIDATION_ERROR', 'The KMS key of the stream is not valid: choose another.'),
  4503: kms('KMS_KEY_UNAVAILABLE', 'The KMS key of the stream cannot be reached at the moment.', 'resend'),
  4504: kms(
    'KMS_KEY_INVALID_USAGE',
    'The KMS key of the stream is of the wrong kind: choose a symmetric one.',
  ),
  4505: kms('KMS_KEY_INVALID_STATE', 'The KMS key of the stream is in no usable state: check it.'),
  4506: kms('KMS_KEY_NOT_FOUND', 'The KMS key of the stream does not exist: choose another.'),
  4507: {
    name: 'STREAM_DELETED',
    decision: 'stop',
    advice: 'The stream was deleted: provision the board again.',
  },
  5000: { name: 'INTERNAL_ERROR', decision: 'rediscover', advice: 'The service failed.' },
  5001: { name: 'ARCHIVAL_ERROR', decision: 'resend', advice: 'The service could not persist a fragment.' },
};

/** The decision for an error acknowledgement; one that is not in the table is taken to pass. */
export function decideErrorId(errorId: number | undefined, errorCode?: string): ErrorDecision {
  const known = errorId === undefined ? undefined : byErrorId[errorId];
  return (
    known ?? {
      name: errorCode ?? `error ${errorId}`,
      decision: 'resend',
      advice: 'The service did not say more.',
    }
  );
}

/** Exceptions that an HTTP error names in `x-amzn-ErrorType`. */
const byException: Readonly<Record<string, Pick<ErrorDecision, 'decision' | 'advice'>>> = {
  ClientLimitExceededException: {
    decision: 'resend',
    advice: 'Too many calls: the agent waits and tries again.',
  },
  ConnectionLimitExceededException: {
    decision: 'resend',
    advice:
      'Another connection feeds this stream; two boards with one identity, or one that is just closing.',
  },
  InvalidArgumentException: {
    decision: 'stop',
    advice: 'The service refuses the request: check stream name and region.',
  },
  InvalidEndpointException: { decision: 'rediscover', advice: 'The stream has moved to another endpoint.' },
  NotAuthorizedException: {
    decision: 'stop',
    advice:
      'In the role of the board allow kinesisvideo:GetDataEndpoint, PutMedia and ListFragments on its stream.',
  },
  AccessDeniedException: {
    decision: 'stop',
    advice:
      'In the role of the board allow kinesisvideo:GetDataEndpoint, PutMedia and ListFragments on its stream.',
  },
  // A board may be switched on before the backend has made its stream.
  ResourceNotFoundException: {
    decision: 'rediscover',
    advice:
      'The stream does not exist yet: the backend makes it once it has the factory’s manifest of this board.',
  },
  ExpiredTokenException: {
    decision: 'renew',
    advice: 'The credentials have expired; new ones are fetched.',
  },
  UnrecognizedClientException: {
    decision: 'renew',
    advice: 'The credentials are no longer known; new ones are fetched.',
  },
  InvalidClientTokenId: {
    decision: 'renew',
    advice: 'The credentials are no longer known; new ones are fetched.',
  },
  InvalidSignatureException: {
    decision: 'stop',
    advice: 'The signature is not accepted: check the clock of the board (NTP).',
  },
};

/** The decision for an HTTP status other than 200, by the exception it names, else by its status. */
export function decideHttpError(status: number, exception: string | undefined): ErrorDecision {
  const name = exception ?? `HTTP ${status}`;
  const known = exception === undefined ? undefined : byException[exception];
  if (known !== undefined) return { name, ...known };
  if (status === 401 || status === 403)
    return {
      name,
      decision: 'stop',
      advice: 'The board may not stream: check its role and the clock of the board.',
    };
  if (status === 404) return { name, decision: 'rediscover', advice: 'There is no such stream or endpoint.' };
  return { name, decision: 'resend', advice: 'The service refuses the connection at the moment.' };
}
