/**
 * Error ids of PutMedia acknowledgements (Kinesis Video Streams Developer Guide, "PutMedia", Response Syntax), with the
 * names that go with them on the wire.
 */
export const ingestErrors = {
  4000: 'STREAM_READ_ERROR',
  4001: 'MAX_FRAGMENT_SIZE_REACHED',
  4002: 'MAX_FRAGMENT_DURATION_REACHED',
  4003: 'MAX_CONNECTION_DURATION_REACHED',
  4004: 'FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS',
  4005: 'MORE_THAN_ONE_TRACK_FOUND',
  4006: 'INVALID_MKV_DATA',
  4007: 'INVALID_PRODUCER_TIMESTAMP',
  4008: 'STREAM_NOT_ACTIVE',
  4009: 'FRAGMENT_METADATA_LIMIT_REACHED',
  4010: 'TRACK_NUMBER_MISMATCH',
  4011: 'FRAMES_MISSING_FOR_TRACK',
  4012: 'MORE_THAN_ALLOWED_TRACKS_FOUND',
  4500: 'KMS_KEY_ACCESS_DENIED',
  4501: 'KMS_KEY_DISABLED',
  4502: 'KMS_KEY_VALIDATION_ERROR',
  4503: 'KMS_KEY_UNAVAILABLE',
  4504: 'KMS_KEY_INVALID_USAGE',
  4505: 'KMS_KEY_INVALID_STATE',
  4506: 'KMS_KEY_NOT_FOUND',
  5000: 'INTERNAL_ERROR',
  5001: 'ARCHIVAL_ERROR',
} as const;
export type IngestErrorId = keyof typeof ingestErrors;

export function isIngestErrorId(value: unknown): value is IngestErrorId {
  return typeof value === 'number' && Object.hasOwn(ingestErrors, value);
}

/** What a producer sent wrong; ends its connection with an ERROR acknowledgement. The message is for the log. */
export class IngestError extends Error {
  readonly errorId: IngestErrorId;

  constructor(errorId: IngestErrorId, message: string) {
    super(message);
    this.errorId = errorId;
  }
}
