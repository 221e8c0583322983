import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Line, UplinkLane } from './uplink-lane.ts';

/** What a path does to what is sent over it. Nothing said: as fast as the machine. */
export interface UplinkConditions {
  /** From the board to the cloud. */
  bitsPerSecond?: number;
  /** There and back. */
  roundTripMs?: number;
  /** Share of packets, 0 to 1, that are lost. */
  lossRate?: number;
}

/**
 * A board's way to the cloud: a TCP proxy on loopback that is as slow and as lossy as told, or broken. TCP hides loss from programs:
 * what they see is a pause of a round trip for each lost packet, in which nothing behind it arrives either.
 */
export class Uplink {
  conditions: UplinkConditions = {};
  readonly #target: { host: string; port: number };
  readonly #random: () => number;
  readonly #server: Server;
  readonly #up: Line = { freeAt: 0 };
  readonly #down: Line = { freeAt: 0 };
  readonly #lanes = new Set<UplinkLane>();
  readonly #sockets = new Set<Socket>();
  /** When each connection was asked for, `performance.now()`. */
  readonly connections: number[] = [];
  #waiting: Socket[] = [];
  #state: 'up' | 'silent' | 'refusing' = 'up';

  private constructor(target: URL, random: () => number) {
    this.#target = { host: target.hostname, port: Number(target.port) };
    this.#random = random;
    this.#server = createServer({ allowHalfOpen: true }, (board) => this.#accept(board));
  }

  /** Leads to the server of that address. `random`: uniform in [0, 1). */
  static async open(target: URL, random: () => number = Math.random): Promise<Uplink> {
    const uplink = new Uplink(target, random);
    uplink.#server.listen(0, '127.0.0.1');
    await once(uplink.#server, 'listening');
    return uplink;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.port}`);
  }

  /** The radio is gone: nothing arrives, nobody is told. */
  fallSilent(): void {
    this.#state = 'silent';
    for (const lane of this.#lanes) lane.hold();
  }

  /** The network answers that there is no way: connections are reset, new ones too. */
  breakOff(): void {
    this.#state = 'refusing';
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** As before; what was under way arrives. */
  comeBack(): void {
    this.#state = 'up';
    for (const lane of this.#lanes) lane.release();
    for (const board of this.#waiting.splice(0)) if (!board.destroyed) this.#join(board);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const lane of this.#lanes) lane.stop();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(board: Socket): void {
    this.connections.push(performance.now());
    this.#keep(board);
    if (this.#state === 'refusing') board.resetAndDestroy();
    else if (this.#state === 'silent') this.#waiting.push(board);
    else this.#join(board);
  }

  #join(board: Socket): void {
    const cloud = connect({ ...this.#target, allowHalfOpen: true });
    this.#keep(cloud);
    const halfRoundTrip = (): number => (this.conditions.roundTripMs ?? 0) / 2;
    const common = { delayMs: halfRoundTrip, random: this.#random };
    const lanes = [
      new UplinkLane({
        ...common,
        from: board,
        to: cloud,
        line: this.#up,
        bitsPerSecond: () => this.conditions.bitsPerSecond,
        lossRate: () => this.conditions.lossRate ?? 0,
      }),
      new UplinkLane({
        ...common,
        from: cloud,
        to: board,
        line: this.#down,
        bitsPerSecond: () => undefined,
        lossRate: () => 0,
      }),
    ];
    for (const lane of lanes) {
      this.#lanes.add(lane);
      lane.onOver = () => this.#lanes.delete(lane);
    }
  }

  #keep(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
