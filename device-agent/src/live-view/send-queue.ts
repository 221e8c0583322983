import type { Clock } from '../host/clock.ts';

/** 20 packets in 5 ms are 38 Mb/s: a keyframe does not overrun the buffers on its way, and is there in a blink. */
const packetsPerStep = 20;
const stepMs = 5;

export interface SendQueueOptions {
  clock: Pick<Clock, 'after'>;
  send: (packet: Buffer) => void;
  /** What is waiting at most, in packets; more does not fit through where this viewer is. */
  capacity: number;
}

/** Lets packets out evenly instead of in bursts that a socket or a switch would drop. */
export class SendQueue {
  readonly #options: SendQueueOptions;
  #waiting: Buffer[] = [];
  #sentInStep = 0;
  #cancel: (() => void) | undefined;

  constructor(options: SendQueueOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** False, and nothing is taken, when there is no room for all of them. */
  push(packets: readonly Buffer[]): boolean {
    if (this.#waiting.length + packets.length > this.#options.capacity) return false;
    this.#waiting.push(...packets);
    this.#release();
    return true;
  }

  clear(): void {
    this.#waiting = [];
  }

  /** Forgets what is waiting and ends. */
  stop(): void {
    this.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #release(): void {
    while (this.#sentInStep < packetsPerStep) {
      const packet = this.#waiting.shift();
      if (packet === undefined) break;
      this.#options.send(packet);
      this.#sentInStep += 1;
    }
    if (this.#sentInStep > 0) this.#cancel ??= this.#options.clock.after(stepMs, () => this.#nextStep());
  }

  #nextStep(): void {
    this.#cancel = undefined;
    this.#sentInStep = 0;
    this.#release();
  }
}
