import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bundleDescriptorSchema, bundleFiles } from '@aovis/contracts/provisioning';
import { reportEvent } from '@aovis/device-agent/events/report-event';
import type { MqttDriver } from '@aovis/device-agent/iot/mqtt-link';
import { Relay } from '@aovis/device-agent/iot/testing/relay';
import { Uplink } from '@aovis/device-agent/streaming/testing/uplink';
import { Board } from '@aovis/simulator/board';
import type { RunningSystem } from '../support/running-system.ts';
import { MemorySeries } from './memory-series.ts';

/** Between one event and the next, milliseconds, at most; half of it on average. */
const spacingMs = 3_000;
/** One in so many is followed by a burst. */
const burstEvery = 40;
const burst = 60;
const sampleEveryMs = 2_000;

/** What the video's uplink carries when it is narrow: a tenth of the clip's bitrate. */
const narrowBitsPerSecond = 90_000;

/** A board with the real agent, whose way to MQTT, credentials and video leads through uplinks that can be cut. */
export class SoakedBoard {
  readonly driver: MqttDriver;
  readonly board: Board;
  readonly memory = new MemorySeries(sampleEveryMs / 1_000);
  /** The events that the agent said it keeps, in order. */
  readonly promised: string[] = [];
  readonly #uplinks: readonly Relay[];
  readonly #video: Uplink;
  readonly #stateDirectory: string;

  private constructor(
    driver: MqttDriver,
    board: Board,
    { uplinks, video }: { uplinks: readonly Relay[]; video: Uplink },
    stateDirectory: string,
  ) {
    this.driver = driver;
    this.board = board;
    this.#uplinks = uplinks;
    this.#video = video;
    this.#stateDirectory = stateDirectory;
  }

  /** Board number `index` of the system's batch; not yet switched on. */
  static async create(running: RunningSystem, index: number, driver: MqttDriver): Promise<SoakedBoard> {
    const { system } = running;
    const provisioned = running.provisionedBoard(index);
    const { mqttPort, credentialsPort } = system.endpoints.iot;
    const iot = await Relay.to(mqttPort);
    const credentials = await Relay.to(credentialsPort);
    const video = await Uplink.open(new URL(system.endpoints.kinesisVideoUrl));
    const bundle = join(system.folder.root, 'soak', provisioned.deviceId);
    copyBundle(provisioned.bundle, bundle, {
      iot: iot.port,
      credentials: credentials.port,
      video: video.url,
    });
    const stateDirectory = system.folder.boardState(provisioned.deviceId);
    const board = new Board(
      { ...provisioned, bundle },
      {
        stateDirectory,
        logFile: system.folder.log(provisioned.deviceId),
        settings: { AOVIS_AGENT_MQTT_DRIVER: driver, AOVIS_AGENT_KEEP_ALIVE_SECONDS: '30' },
      },
    );
    return new SoakedBoard(driver, board, { uplinks: [iot, credentials], video }, stateDirectory);
  }

  get deviceId(): string {
    return this.board.deviceId;
  }

  /** Connections are reset. */
  cut(): void {
    for (const uplink of this.#uplinks) uplink.cut();
    this.cutVideo();
  }

  /** The connections of the video are reset. */
  cutVideo(): void {
    this.#video.breakOff();
    this.#video.comeBack();
  }

  /** The video's uplink carries a tenth of what the camera delivers for so long. */
  async narrow(ms: number): Promise<void> {
    this.#video.conditions = { bitsPerSecond: narrowBitsPerSecond };
    try {
      await pause(ms);
    } finally {
      this.#video.conditions = {};
    }
  }

  /** Nothing goes through for so long, and nobody is told. */
  async silence(ms: number): Promise<void> {
    for (const uplink of this.#uplinks) uplink.silence();
    this.#video.fallSilent();
    try {
      await pause(ms);
    } finally {
      for (const uplink of this.#uplinks) uplink.restore();
      this.#video.comeBack();
    }
  }

  /** Tells events, now and then many at once, until the signal; keeps what the agent promises. */
  async tellEvents(random: () => number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const count = random() < 1 / burstEvery ? burst : 1;
      await Promise.all(Array.from({ length: count }, () => this.#tell()));
      await pauseUntil(random() * spacingMs, signal);
    }
  }

  async sampleMemory(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const status = readFileSync(`/proc/${this.board.process.pid}/status`, 'utf8');
      this.memory.add(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
      await pauseUntil(sampleEveryMs, signal);
    }
  }

  async stop(): Promise<void> {
    await this.board.stop();
    for (const uplink of this.#uplinks) await uplink.close();
    await this.#video.close();
  }

  async #tell(): Promise<void> {
    const answer = await reportEvent(this.#stateDirectory, { type: 'motion', data: { zone: 'door' } });
    if (answer?.outcome !== 'stored' || answer.event_id === undefined)
      throw new Error(
        `${this.deviceId} did not keep an event: ${answer?.sentence ?? 'the agent does not run.'}`,
      );
    this.promised.push(answer.event_id);
  }
}

/** As long as said, or until the signal. */
export async function pauseUntil(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {});
}

function copyBundle(from: string, to: string, ports: { iot: number; credentials: number; video: URL }): void {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  cpSync(from, to, { recursive: true });
  const file = join(to, bundleFiles.descriptor);
  const descriptor = bundleDescriptorSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const through = (hostPort: string, port: number): string => `${hostPort.split(':')[0]}:${port}`;
  const { iot, credentials } = descriptor.endpoints;
  const endpoints = {
    ...descriptor.endpoints,
    iot: through(iot, ports.iot),
    credentials: through(credentials, ports.credentials),
    kinesis_video: ports.video.href,
  };
  writeFileSync(file, JSON.stringify({ ...descriptor, endpoints }));
}
