import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { nodeFlags } from '@aovis/device-agent/host/launch-line';
import { PutMediaServer } from '@aovis/device-agent/streaming/testing/put-media-server';
import { Uplink, type UplinkConditions } from '@aovis/device-agent/streaming/testing/uplink';
import { boardEnvironment, boardNode } from './board-agent.ts';

/** `silent`: nothing arrives and nobody is told; `refused`: connections are reset, new ones too. */
export type OutageKind = 'silent' | 'refused';

export interface StreamUnderTestOptions {
  /** `stream-file.ts`, bundled. */
  program: string;
  clip: string;
  /** Where the agent keeps what waits; one for each stream. */
  disk: string;
}

export interface StreamVerdict {
  /** Fragments between the first and the last that were persisted. */
  captured: number;
  missing: number;
  twice: number;
  /** Connections, whatever for and whether they came about or not, within any second. */
  mostConnectionsPerSecond: number;
  /** Calls of PutMedia that reached the service within any second. */
  mostCallsPerSecond: number;
  /** Of the streaming process. */
  peakRssMiB: number;
  /** The agent says that it gave up so many. */
  dropped: number;
}

/** Of the clip: its GOP. */
const fragmentMs = 1_000;
/** Persisted so recently is up to date: a fragment is complete when the next one begins. */
const upToDateMs = 2_500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The agent's streaming parts in a process of their own, an uplink that can be spoiled, and a service that takes down what arrives. */
export class StreamUnderTest {
  readonly uplink: Uplink;
  readonly #server: PutMediaServer;
  readonly #process: ChildProcess;
  #output = '';

  private constructor(server: PutMediaServer, uplink: Uplink, child: ChildProcess) {
    this.#server = server;
    this.uplink = uplink;
    this.#process = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  static async start({ program, clip, disk }: StreamUnderTestOptions): Promise<StreamUnderTest> {
    const server = new PutMediaServer();
    await server.start();
    const uplink = await Uplink.open(server.url);
    server.dataEndpoint = uplink.url;
    const options = ['--file', clip, '--endpoint', uplink.url.href, '--seconds', '3600', '--disk', disk];
    const child = spawn(boardNode, [...nodeFlags, program, ...options], {
      env: boardEnvironment,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return new StreamUnderTest(server, uplink, child);
  }

  /** The uplink is gone for so long. Answers after how many milliseconds pictures arrived again. */
  async suffer(kind: OutageKind, seconds: number): Promise<number> {
    if (kind === 'silent') this.uplink.fallSilent();
    else this.uplink.breakOff();
    await pause(seconds * 1_000);
    return this.#untilFlowing(() => this.uplink.comeBack());
  }

  /** The service refuses for so long. Answers as `suffer`. */
  async sufferRefusals(refusal: { status: number; exception: string }, seconds: number): Promise<number> {
    this.#server.behaviour.refuse = () => refusal;
    this.uplink.breakOff();
    this.uplink.comeBack();
    await pause(seconds * 1_000);
    return this.#untilFlowing(() => {
      this.#server.behaviour.refuse = undefined;
    });
  }

  /** The uplink is as told for so long. */
  async endure(conditions: UplinkConditions, seconds: number): Promise<void> {
    this.uplink.conditions = conditions;
    await pause(seconds * 1_000);
    this.uplink.conditions = {};
  }

  /** Waits until what is captured is persisted as it comes. */
  async untilCaughtUp(): Promise<void> {
    await this.#server.until(() => (this.#server.persisted.at(-1) ?? 0) > Date.now() - upToDateMs);
  }

  get persisted(): readonly number[] {
    return this.#server.persisted;
  }

  async end(): Promise<StreamVerdict> {
    await this.untilCaughtUp();
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exited;
    await Promise.all([this.uplink.close(), this.#server.stop()]);
    const { persisted } = this.#server;
    const stored = new Set(persisted);
    const captured = Math.round((Math.max(...stored) - Math.min(...stored)) / fragmentMs) + 1;
    const { peakRssMiB, status } = JSON.parse(this.#output) as {
      peakRssMiB: number;
      status: { dropped_fragments: number };
    };
    return {
      captured,
      missing: captured - stored.size,
      twice: persisted.length - stored.size,
      mostConnectionsPerSecond: mostWithin(1_000, this.uplink.connections),
      mostCallsPerSecond: mostWithin(
        1_000,
        this.#server.attempts.map(({ at }) => at),
      ),
      peakRssMiB,
      dropped: status.dropped_fragments,
    };
  }

  async #untilFlowing(comeBack: () => void): Promise<number> {
    const { blocks } = this.#server;
    const at = performance.now();
    comeBack();
    await this.#server.until(() => this.#server.blocks > blocks);
    return performance.now() - at;
  }
}

/** The most of these moments, in order, that lie within so many milliseconds. */
function mostWithin(ms: number, moments: readonly number[]): number {
  return Math.max(
    0,
    ...moments.map((at, index) => moments.slice(0, index + 1).filter((m) => m > at - ms).length),
  );
}
