import type { TelemetryBatch, TelemetrySample } from '@aovis/contracts/telemetry';
import { telemetryTopic } from '@aovis/contracts/topics';
import type { Clock } from '../host/clock.ts';
import type { Part, PartHealth } from '../part.ts';
import type { PublishOutcome, QueuedMessage } from '../queue/queued-message.ts';

export type Measurement = Omit<TelemetrySample, 'at'>;

export interface TelemetryOptions {
  thing: string;
  clock: Clock;
  newUlid: () => string;
  /** What is measured now. */
  measure: () => Measurement[];
  publish: (message: QueuedMessage) => Promise<PublishOutcome>;
  intervalSeconds: number;
}

/** Sends a batch of measurements at every interval. */
export class Telemetry implements Part {
  readonly name = 'telemetry';
  readonly #options: TelemetryOptions;
  #intervalMs: number;
  #started = false;
  #cancelNext: () => void = () => {};

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalSeconds * 1_000;
  }

  start(_signal: AbortSignal): Promise<void> {
    if (this.#started) return Promise.resolve();
    this.#started = true;
    this.#schedule();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#started = false;
    this.#cancelNext();
    return Promise.resolve();
  }

  health(): PartHealth {
    return { ok: true, detail: `every ${this.#intervalMs / 1_000} s` };
  }

  setInterval(seconds: number): void {
    if (seconds * 1_000 === this.#intervalMs) return;
    this.#intervalMs = seconds * 1_000;
    if (this.#started) this.#schedule();
  }

  #schedule(): void {
    this.#cancelNext();
    this.#cancelNext = this.#options.clock.after(this.#intervalMs, () => {
      this.#send();
      this.#schedule();
    });
  }

  #send(): void {
    const { thing, clock, newUlid, measure, publish } = this.#options;
    const at = clock.now();
    const batch: TelemetryBatch = {
      event_id: newUlid(),
      samples: measure().map((measurement) => ({ ...measurement, at })),
    };
    void publish({ class: 'telemetry', topic: telemetryTopic(thing), payload: JSON.stringify(batch) });
  }
}
