import type { ReportedState } from '@aovis/contracts/shadow';
import type { TelemetrySample } from '@aovis/contracts/telemetry';
import type { BindingStatus } from '../binding/ownership-keeper.ts';
import type { Camera } from '../camera/camera.ts';
import type { Clock } from '../host/clock.ts';
import { type Machine, operatingSystem } from '../host/machine.ts';
import { readNetworkFacts } from '../host/network.ts';
import type { OutboundQueue } from '../queue/outbound-queue.ts';
import type { StreamUploader } from '../streaming/stream-uploader.ts';

export interface BoardReportOptions {
  clock: Clock;
  machine: Pick<Machine, 'health'>;
  camera: Pick<Camera, 'description'>;
  streaming: Pick<StreamUploader, 'status'>;
  queue: OutboundQueue;
  model: string;
  firmware: string;
  agentVersion: string;
  /** One id for each start of the agent. */
  bootId: string;
  freeBytes: () => number | undefined;
  /** How the board stands with owners. */
  binding: () => BindingStatus;
}

/** The board's state and measurements, gathered from the parts for shadow and telemetry. */
export class BoardReport {
  readonly #options: BoardReportOptions;
  readonly #startedAt: number;

  constructor(options: BoardReportOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
  }

  get uptimeSeconds(): number {
    return Math.floor((this.#options.clock.monotonic() - this.#startedAt) / 1_000);
  }

  reportedState(): ReportedState {
    const { agentVersion, bootId, model, firmware, machine, camera, streaming, queue } = this.#options;
    const description = camera.description();
    const { rssBytes, cpuPercent, temperatureCelsius } = machine.health();
    const stream = streaming.status();
    const freeBytes = this.#options.freeBytes();
    const { claimable, ownership } = this.#options.binding();
    return {
      agent: { version: agentVersion, uptime_s: this.uptimeSeconds, boot_id: bootId },
      board: { model, firmware, os: operatingSystem() },
      network: readNetworkFacts(),
      ...(description === undefined ? {} : { camera: { ...description } }),
      stream: {
        state: stream.state,
        bitrate_bps: Math.round(stream.bitrate_bps),
        fragment_ms: Math.round(stream.fragment_ms),
        ...(stream.last_persisted_at === undefined ? {} : { last_persisted_at: stream.last_persisted_at }),
        dropped_fragments: stream.dropped_fragments,
      },
      storage: {
        buffer_bytes: stream.bufferedBytes + queue.bytes,
        ...(freeBytes === undefined ? {} : { free_bytes: freeBytes }),
        queue: queue.diskFailure === undefined ? 'disk' : 'memory',
        dropped_events: queue.dropped.event,
        dropped_telemetry: queue.dropped.telemetry,
      },
      health: {
        rss_bytes: rssBytes,
        cpu_pct: cpuPercent,
        ...(temperatureCelsius === undefined ? {} : { temp_c: temperatureCelsius }),
      },
      ...(ownership === undefined ? {} : { binding: { claimable, epoch: ownership.epoch } }),
    };
  }

  measurements(): Omit<TelemetrySample, 'at'>[] {
    const { machine, streaming, queue } = this.#options;
    const { rssBytes, cpuPercent, temperatureCelsius } = machine.health();
    const stream = streaming.status();
    return [
      { metric: 'rss', value: rssBytes, unit: 'bytes' },
      { metric: 'cpu', value: cpuPercent, unit: 'percent' },
      ...(temperatureCelsius === undefined
        ? []
        : [{ metric: 'temperature', value: temperatureCelsius, unit: 'celsius' } as const]),
      { metric: 'uplink_bitrate', value: Math.round(stream.bitrate_bps), unit: 'bps' },
      { metric: 'dropped_fragments', value: stream.dropped_fragments, unit: 'count' },
      { metric: 'dropped_messages', value: queue.dropped.event + queue.dropped.telemetry, unit: 'count' },
    ];
  }
}
