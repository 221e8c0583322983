import type { Socket } from 'node:net';

export interface UplinkLaneOptions {
  from: Socket;
  to: Socket;
  bitsPerSecond: () => number | undefined;
  /** One way. */
  delayMs: () => number;
  lossRate: () => number;
  random: () => number;
}

interface Packet {
  arrivesAt: number;
  /** Undefined: the sender has ended, or is gone. */
  data: Buffer | 'end' | 'gone';
}

/** Of Ethernet, less the headers of IP and TCP. */
const packetBytes = 1_448;
/** What waits on the way at most, as in the buffer of a modem. */
const maxQueuedBytes = 64 * 1_024;

/** One direction of one connection: delivers in order what it takes, when its time has come. */
export class UplinkLane {
  onOver: () => void = () => {};
  readonly #options: UplinkLaneOptions;
  #packets: Packet[] = [];
  #queuedBytes = 0;
  #lineFreeAt = 0;
  #lastArrival = 0;
  #timer: NodeJS.Timeout | undefined;
  #held = false;
  /** The sender has gone while nothing arrived: what was under way was in its own memory, and is lost. */
  #lost = false;

  constructor(options: UplinkLaneOptions) {
    this.#options = options;
    const { from, to } = options;
    from
      .on('data', (data: Buffer) => this.#take(data))
      .on('end', () => this.#leave('end'))
      .on('close', () => this.#leave('gone'));
    to.on('drain', () => this.#deliver());
  }

  /** Nothing arrives until `release`. What is sent meanwhile waits, as in the buffer of the sender's kernel. */
  hold(): void {
    this.#held = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#options.from.resume();
  }

  release(): void {
    this.#held = false;
    if (this.#lost) {
      this.#packets = [];
      this.#handOver('gone');
    } else this.#deliver();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#packets = [];
    this.onOver();
  }

  #take(data: Buffer): void {
    for (let at = 0; at < data.length; at += packetBytes) {
      const packet = data.subarray(at, at + packetBytes);
      this.#queuedBytes += packet.length;
      this.#enqueue(packet, this.#leaves(packet.length));
    }
    if (!this.#held && this.#queuedBytes > maxQueuedBytes) this.#options.from.pause();
  }

  #leave(how: 'end' | 'gone'): void {
    this.#lost ||= this.#held;
    if (!this.#lost) this.#enqueue(how, performance.now());
  }

  /** When the last bit of it is on the line. */
  #leaves(bytes: number): number {
    const bitsPerSecond = this.#options.bitsPerSecond();
    const begins = Math.max(performance.now(), this.#lineFreeAt);
    this.#lineFreeAt = bitsPerSecond === undefined ? begins : begins + (bytes * 8_000) / bitsPerSecond;
    return this.#lineFreeAt;
  }

  #enqueue(data: Packet['data'], leavesAt: number): void {
    const { delayMs, lossRate, random } = this.#options;
    const lost = typeof data !== 'string' && random() < lossRate();
    const arrivesAt = leavesAt + delayMs() * (lost ? 3 : 1);
    this.#lastArrival = Math.max(this.#lastArrival, arrivesAt);
    this.#packets.push({ data, arrivesAt: this.#lastArrival });
    this.#deliver();
  }

  #deliver(): void {
    if (this.#held || this.#timer !== undefined) return;
    for (let next = this.#packets[0]; next !== undefined; next = this.#packets[0]) {
      const waitMs = next.arrivesAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#deliver();
        }, waitMs);
        return;
      }
      if (this.#options.to.writableNeedDrain) return;
      this.#packets.shift();
      this.#handOver(next.data);
    }
  }

  #handOver(data: Packet['data']): void {
    const { from, to } = this.#options;
    if (data === 'end') to.end();
    else if (data === 'gone') {
      to.destroy();
      this.onOver();
    } else {
      this.#queuedBytes -= data.length;
      to.write(data);
      if (this.#queuedBytes <= maxQueuedBytes) from.resume();
    }
  }
}
