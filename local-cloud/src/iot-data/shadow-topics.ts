import type { Message, MessageBus } from '../iot-broker/message.ts';
import type { Clock } from '../kernel/clock.ts';
import type { JsonObject } from './json.ts';
import type { UpdateResult } from './shadow-document.ts';
import { ShadowError } from './shadow-error.ts';
import { isShadowId, parseRequestTopic, topicPrefixOf } from './shadow-names.ts';
import type { ShadowId, Shadows } from './shadows.ts';

/** The MQTT door of the shadows: requests on the reserved topics, replies and notices published back. */
export class ShadowTopics {
  readonly #shadows: Shadows;
  readonly #bus: MessageBus;
  readonly #clock: Clock;

  constructor(shadows: Shadows, bus: MessageBus, clock: Clock) {
    this.#shadows = shadows;
    this.#bus = bus;
    this.#clock = clock;
  }

  /** Begins to answer; returns how to stop. */
  open(): () => void {
    return this.#bus.tap((message) => this.#answer(message));
  }

  /** What observers hear of an accepted update, whichever door it came in by. */
  announce(id: ShadowId, { documents, delta }: Pick<UpdateResult, 'documents' | 'delta'>): void {
    this.#publish(id, 'update/documents', documents);
    if (delta !== undefined) this.#publish(id, 'update/delta', delta);
  }

  #answer({ topic, payload }: Message): void {
    const request = parseRequestTopic(topic);
    if (request === undefined) return;
    const { id, operation } = request;
    try {
      if (!isShadowId(id)) throw new ShadowError(400, 'Invalid thing or shadow name');
      if (operation === 'update') {
        const result = this.#shadows.update(id, payload);
        this.#publish(id, 'update/accepted', result.accepted);
        this.announce(id, result);
      } else {
        this.#publish(id, `${operation}/accepted`, this.#shadows[operation](id, payload));
      }
    } catch (error) {
      if (!(error instanceof ShadowError)) throw error;
      const { code, message, clientToken } = error;
      this.#publish(id, `${operation}/rejected`, {
        code,
        message,
        timestamp: Math.floor(this.#clock.nowSeconds()),
        ...(clientToken === undefined ? {} : { clientToken }),
      });
    }
  }

  #publish(id: ShadowId, suffix: string, document: JsonObject): void {
    this.#bus.publish({
      topic: `${topicPrefixOf(id)}/${suffix}`,
      payload: JSON.stringify(document),
      qos: 1,
    });
  }
}
