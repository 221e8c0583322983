import type { Socket } from 'node:net';

/** What the connections of an uplink share: it carries one packet after the other. */
export interface Line {
  /** When the last bit that was taken is on the line, `performance.now()`. */
  freeAt: number;
}

export interface UplinkLaneOptions {
  from: Socket;
  to: Socket;
  line: Line;
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
/** What waits before that at most, as in the kernel of the sender (the greatest of Linux's `net.ipv4.tcp_wmem`). */
const maxUnsentBytes = 4 * 1_024 * 1_024;

/**
 * One direction of one connection: delivers in order what it takes, when its time has come. A reset overtakes what the
 * sender's kernel still holds, and discards it; what has left the sender arrives.
 */
export class UplinkLane {
  onOver: () => void = () => {};
  readonly #options: UplinkLaneOptions;
  /** Has left the sender. */
  #packets: Packet[] = [];
  #queuedBytes = 0;
  /** Has not. */
  #unsent: Packet['data'][] = [];
  #unsentBytes = 0;
  #sending = false;
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
      .on('error', () => this.#forgetUnsent())
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
      this.#forgetUnsent();
      this.#handOver('gone');
    } else this.#deliver();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#packets = [];
    this.#forgetUnsent();
    this.onOver();
  }

  #take(data: Buffer): void {
    for (let at = 0; at < data.length; at += packetBytes)
      this.#unsent.push(data.subarray(at, at + packetBytes));
    this.#unsentBytes += data.length;
    this.#send();
    if (!this.#held && this.#unsentBytes > maxUnsentBytes) this.#options.from.pause();
  }

  #leave(how: 'end' | 'gone'): void {
    this.#lost ||= this.#held;
    if (this.#lost) return;
    this.#unsent.push(how);
    this.#send();
  }

  /** What the modem has room for leaves the sender. */
  #send(): void {
    // Delivering, which may happen at once, calls it again.
    if (this.#sending) return;
    this.#sending = true;
    while (this.#unsent.length > 0 && this.#queuedBytes < maxQueuedBytes) {
      const next = this.#unsent.shift();
      if (next === undefined) break;
      if (typeof next === 'string') this.#enqueue(next, performance.now());
      else {
        this.#unsentBytes -= next.length;
        this.#queuedBytes += next.length;
        this.#enqueue(next, this.#leaves(next.length));
      }
    }
    this.#sending = false;
    if (this.#unsentBytes <= maxUnsentBytes) this.#options.from.resume();
  }

  #forgetUnsent(): void {
    this.#unsent = [];
    this.#unsentBytes = 0;
  }

  /** When the last bit of it is on the line. */
  #leaves(bytes: number): number {
    const { line, bitsPerSecond } = this.#options;
    const rate = bitsPerSecond();
    const begins = Math.max(performance.now(), line.freeAt);
    const leavesAt = rate === undefined ? begins : begins + (bytes * 8_000) / rate;
    line.freeAt = leavesAt;
    return leavesAt;
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
    const { to } = this.#options;
    if (data === 'end') to.end();
    else if (data === 'gone') {
      to.destroy();
      this.onOver();
    } else {
      this.#queuedBytes -= data.length;
      to.write(data);
      this.#send();
    }
  }
}
