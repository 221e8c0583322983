import type { SignatureVerdict, SignatureVerifier } from '../features/webhooks/webhook-ports.ts';
import type { Logger } from '../kernel/logger.ts';
import { parseLossless } from './lossless-json.ts';
import { isSignature, type Parameters, sameSignature, signNotification } from './signature.ts';

/** The carrier signs inside the body, so no header is looked at. */
export class EiotclubSignatures implements SignatureVerifier {
  readonly #windowSeconds: number;
  readonly #log: Logger;

  /** @param options.windowSeconds how far the carrier's clock may be from ours, in both directions */
  constructor({ windowSeconds, log }: { windowSeconds: number; log: Logger }) {
    this.#windowSeconds = windowSeconds;
    this.#log = log;
  }

  verify({ rawBody, secret, now }: { rawBody: Buffer; secret: string; now: Date }): SignatureVerdict {
    const parameters = parametersOf(rawBody);
    if (parameters === undefined) return 'malformed';
    const { sign: received, timestamp } = parameters;
    if (received === undefined || timestamp === undefined) return 'missing';
    const seconds = textOf(timestamp);
    if (!isSignature(received) || seconds === undefined || !/^\d{10}$/.test(seconds)) return 'malformed';
    if (Math.abs(now.getTime() / 1_000 - Number(seconds)) > this.#windowSeconds) return 'stale';
    const expected = signNotification(parameters, secret);
    if (sameSignature(expected, received)) return 'ok';
    this.#note(parameters, expected, received);
    return 'wrong';
  }

  /** Enough to compare with the carrier, too little to forge or to learn from. */
  #note({ id, event }: Parameters, expected: string, received: string): void {
    this.#log.warn(
      {
        eventId: textOf(id)?.slice(0, 64),
        event: textOf(event)?.slice(0, 64),
        expected8: expected.slice(0, 8),
        received8: received.slice(0, 8),
      },
      'a notification of the carrier is signed otherwise',
    );
  }
}

function parametersOf(rawBody: Buffer): Parameters | undefined {
  try {
    const value = parseLossless(new TextDecoder('utf-8', { fatal: true }).decode(rawBody));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Parameters)
      : undefined;
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return JSON.isRawJSON(value) ? value.rawJSON : undefined;
}
