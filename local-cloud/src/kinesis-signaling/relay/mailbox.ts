import type { Clock } from '../../kernel/clock.ts';
import type { Action } from './message.ts';

interface Waiting {
  action: Action;
  senderClientId: string | undefined;
  frame: string;
  expiresAtMs: number;
}

/** Beyond these the oldest goes: a stranger's messages must not fill the memory. */
const maxPerRecipient = 200;
const maxRecipients = 100;

/** Messages for peers of one channel that are not connected, for as long as the channel's message TTL. */
export class Mailbox {
  readonly #clock: Clock;
  readonly #byRecipient = new Map<string, Waiting[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An offer or answer overwrites one of the same sender that was not delivered (SendSdpOffer, SendSdpAnswer). */
  put(recipient: string, message: Omit<Waiting, 'expiresAtMs'>, ttlSeconds: number): void {
    const expiresAtMs = this.#clock.now() + ttlSeconds * 1000;
    const kept = this.#unexpired(recipient).filter(
      ({ action, senderClientId }) =>
        action === 'ICE_CANDIDATE' || action !== message.action || senderClientId !== message.senderClientId,
    );
    this.#byRecipient.delete(recipient);
    this.#byRecipient.set(recipient, [...kept, { ...message, expiresAtMs }].slice(-maxPerRecipient));
    const [oldest] = this.#byRecipient.keys();
    if (this.#byRecipient.size > maxRecipients && oldest !== undefined) this.#byRecipient.delete(oldest);
  }

  /** The frames that wait for a recipient, in the order they came; they are forgotten. */
  take(recipient: string): string[] {
    const frames = this.#unexpired(recipient).map(({ frame }) => frame);
    this.#byRecipient.delete(recipient);
    return frames;
  }

  #unexpired(recipient: string): Waiting[] {
    const now = this.#clock.now();
    return (this.#byRecipient.get(recipient) ?? []).filter(({ expiresAtMs }) => expiresAtMs > now);
  }
}
