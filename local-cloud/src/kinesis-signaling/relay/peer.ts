import { type RawData, WebSocket } from 'ws';
import type { Clock } from '../../kernel/clock.ts';
import { TokenBucket } from '../../kernel/token-bucket.ts';
import { type Action, eventFrame } from './message.ts';

/** Times of a connection, in milliseconds. */
export interface PeerLimits {
  /** Without a message or ping of the peer's for this long, the service ends the connection. */
  idleMs: number;
  maxAgeMs: number;
  /** Between GO_AWAY and the end. */
  goAwayGraceMs: number;
}

/** WebRTC Developer Guide, "Signaling API service quotas". */
export const defaultPeerLimits: PeerLimits = {
  idleMs: 10 * 60_000,
  maxAgeMs: 60 * 60_000,
  goAwayGraceMs: 60_000,
};
const sdpPerSecond = 5;
const icePerSecond = 20;

export interface PeerOptions {
  socket: WebSocket;
  /** Undefined for the master. */
  clientId: string | undefined;
  limits: PeerLimits;
  clock: Clock;
  onMessage: (text: string) => void;
  onClose: () => void;
}

/** Close codes of RFC 6455, section 7.4.1. */
const going = 1001;

/** One WebSocket connection of a master or viewer. */
export class Peer {
  readonly clientId: string | undefined;
  readonly openedMs: number;
  messages = 0;
  readonly #socket: WebSocket;
  readonly #limits: PeerLimits;
  readonly #sdp: TokenBucket;
  readonly #ice: TokenBucket;
  readonly #idle: NodeJS.Timeout;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor({ socket, clientId, limits, clock, onMessage, onClose }: PeerOptions) {
    this.clientId = clientId;
    this.openedMs = clock.now();
    this.#socket = socket;
    this.#limits = limits;
    this.#sdp = new TokenBucket(clock, sdpPerSecond);
    this.#ice = new TokenBucket(clock, icePerSecond);
    this.#idle = setTimeout(() => this.end('the connection was idle'), limits.idleMs);
    this.after(limits.maxAgeMs - limits.goAwayGraceMs, () => this.goAway());
    socket.on('message', (data) => {
      this.#idle.refresh();
      this.messages += 1;
      onMessage(textOf(data));
    });
    for (const sign of ['ping', 'pong'] as const) socket.on(sign, () => this.#idle.refresh());
    // A broken connection or frame: `close` follows.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      for (const timer of [this.#idle, ...this.#timers]) clearTimeout(timer);
      onClose();
    });
  }

  /** Whether the rate of such messages leaves room for one more. */
  admits(action: Action): boolean {
    return (action === 'ICE_CANDIDATE' ? this.#ice : this.#sdp).tryTake();
  }

  send(frame: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  /** Asks the peer to leave; what has not left after the grace is ended. */
  goAway(graceMs = this.#limits.goAwayGraceMs): void {
    this.send(eventFrame('GO_AWAY'));
    this.after(graceMs, () => this.end('the peer did not go away'));
  }

  reconnectIceServer(): void {
    this.send(eventFrame('RECONNECT_ICE_SERVER'));
  }

  end(reason: string): void {
    this.#socket.close(going, reason);
  }

  /** Without the closing handshake, as when a network goes down. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Does it later, unless the connection has ended by then. */
  after(ms: number, work: () => void): void {
    this.#timers.push(setTimeout(work, ms));
  }
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return (Buffer.isBuffer(data) ? data : Buffer.from(data)).toString('utf8');
}
