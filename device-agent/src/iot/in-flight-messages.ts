import type { Clock } from '../host/clock.ts';
import { PublishError, type PublishOptions } from './iot-connection.ts';
import type { MqttLink } from './mqtt-link.ts';

/** A message that was outstanding at this many closes is what the broker closes on: it is given up. */
const closesPerMessage = 3;
/**
 * A broker closes on a forbidden topic as soon as it reads it; a second or two later over 2G. What has been outstanding
 * for longer when the connection ends was held up by the network, and waits for the next connection.
 */
const promptCloseMs = 10_000;
/**
 * A broker that throttles discards publishes without a word (AWS IoT Core: more than 100 a second). MQTT 3.1.1 has them
 * sent again on a new connection only, so one is made when an acknowledgement is so late.
 */
const ackTimeoutMs = 60_000;

interface InFlight {
  message: PublishOptions;
  closes: number;
  /** When it went out on the latest link, by the monotonic clock. */
  sentAt: number;
  settle: (error?: PublishError) => void;
}

/** What was published with QoS 1 and is not acknowledged yet, in order, from one link to the next. */
export class InFlightMessages {
  readonly #clock: Clock;
  readonly #messages = new Set<InFlight>();
  /** The one that they are sent on now. */
  #link: MqttLink | undefined;
  #cancelAckTimeout: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves at the acknowledgement, on this link or a later one; rejects when the message is given up. */
  publish(link: MqttLink, message: PublishOptions): Promise<void> {
    this.#link = link;
    return new Promise((resolve, reject) => {
      const inFlight: InFlight = {
        message,
        closes: 0,
        sentAt: 0,
        settle: (error) => {
          this.#messages.delete(inFlight);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#messages.add(inFlight);
      this.#send(link, inFlight);
    });
  }

  /** Sends what an earlier link left unacknowledged, before anything new. */
  resend(link: MqttLink): void {
    this.#link = link;
    for (const inFlight of this.#messages) this.#send(link, inFlight);
    this.#awaitAck(link);
  }

  /** The link is gone; messages wait for the next one. */
  suspend(): void {
    this.#link = undefined;
    this.#cancelAckTimeout();
  }

  /** What a broker that closes the connection now may close it on. */
  topicsJustSent(): string[] {
    return this.#justSent().map(({ message }) => message.topic);
  }

  /** The broker closed the connection on one of those just sent; one that saw it too often is given up. */
  noteForbidden(): void {
    for (const inFlight of this.#justSent()) {
      inFlight.closes += 1;
      if (inFlight.closes < closesPerMessage) continue;
      inFlight.settle(
        new PublishError(
          'forbidden',
          `The broker closes the connection on ${inFlight.message.topic}; the message is given up.`,
        ),
      );
    }
  }

  abandonAll(error: PublishError): void {
    for (const { settle } of this.#messages) settle(error);
  }

  #justSent(): InFlight[] {
    const now = this.#clock.monotonic();
    return [...this.#messages].filter(({ sentAt }) => now - sentAt <= promptCloseMs);
  }

  #send(link: MqttLink, inFlight: InFlight): void {
    inFlight.sentAt = this.#clock.monotonic();
    if (this.#messages.size === 1) this.#awaitAck(link);
    link.publish(inFlight.message).then(
      () => {
        inFlight.settle();
        if (link === this.#link) this.#awaitAck(link);
      },
      () => {
        // The connection ended; it stays in flight.
      },
    );
  }

  /** From the latest acknowledgement on, or the first publish after all were acknowledged. */
  #awaitAck(link: MqttLink): void {
    this.#cancelAckTimeout();
    if (this.#messages.size === 0) return;
    this.#cancelAckTimeout = this.#clock.after(ackTimeoutMs, () => {
      const error = new Error('The broker does not acknowledge what was published.');
      link.abort(Object.assign(error, { code: 'ETIMEDOUT' }));
    });
  }
}
