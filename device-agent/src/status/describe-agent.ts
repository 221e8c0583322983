import type { OwnershipKeeper } from '../binding/ownership-keeper.ts';
import type { Camera } from '../camera/camera.ts';
import { buildInfo } from '../host/build-info.ts';
import type { Clock } from '../host/clock.ts';
import type { RecentProblems } from '../host/recent-problems.ts';
import type { Bundle } from '../identity/bundle.ts';
import type { IotConnection } from '../iot/iot-connection.ts';
import type { Part } from '../part.ts';
import type { OutboundQueue } from '../queue/outbound-queue.ts';
import type { ConfigApplier } from '../shadow/config-applier.ts';
import type { ShadowReporter } from '../shadow/shadow-reporter.ts';
import type { StreamUploader } from '../streaming/stream-uploader.ts';
import type { AgentStatus } from './agent-status.ts';
import type { BoardReport } from './board-report.ts';

const dayMs = 86_400_000;

export interface DescribedAgent {
  bundle: Bundle;
  connection: IotConnection;
  reporter: ShadowReporter;
  applier: ConfigApplier;
  keeper: OwnershipKeeper;
  camera: Camera;
  streaming: StreamUploader;
  queue: OutboundQueue;
  report: BoardReport;
  problems: RecentProblems;
  parts: readonly Part[];
  clock: Pick<Clock, 'now'>;
}

/** What the parts say of themselves, gathered for one screen. */
export function describeAgent(agent: DescribedAgent): AgentStatus {
  const { bundle, connection, reporter, applier, camera, streaming, queue, report, problems, parts, clock } =
    agent;
  const stream = streaming.status();
  return {
    running: true,
    pid: process.pid,
    version: buildInfo.version,
    device_id: bundle.thing,
    serial: bundle.descriptor.serial,
    uptime_s: report.uptimeSeconds,
    connection: {
      state: connection.state,
      endpoint: bundle.descriptor.endpoints.iot,
      detail: connection.health().detail,
    },
    certificate: {
      id: bundle.certificateId,
      expires_at: bundle.notAfter.toISOString(),
      days_left: Math.floor((bundle.notAfter.getTime() - clock.now()) / dayMs),
    },
    shadow: {
      ...(reporter.version === undefined ? {} : { version: reporter.version }),
      config_version: applier.version,
      config_errors: { ...applier.errors },
    },
    binding: describeBinding(agent.keeper),
    camera: { detail: camera.health().detail },
    stream: {
      state: stream.state,
      bitrate_bps: stream.bitrate_bps,
      ...(stream.last_persisted_at === undefined ? {} : { last_persisted_at: iso(stream.last_persisted_at) }),
      dropped_fragments: stream.dropped_fragments,
      detail: streaming.health().detail,
    },
    buffer: {
      fragments: stream.bufferedFragments,
      fragment_bytes: stream.bufferedBytes,
      messages: queue.depth,
      message_bytes: queue.bytes,
      messages_on: queue.diskFailure === undefined ? 'disk' : 'memory',
      dropped_events: queue.dropped.event,
      dropped_telemetry: queue.dropped.telemetry,
    },
    parts: parts.map((part) => ({ name: part.name, ...part.health() })),
    problems: problems.list().map(({ at, ...problem }) => ({ ...problem, last_at: iso(at) })),
  };
}

function describeBinding(keeper: OwnershipKeeper): AgentStatus['binding'] {
  const { claimable, ownership, windowClosesAt } = keeper.status();
  return {
    claimable,
    ...ownership,
    ...(windowClosesAt === undefined ? {} : { window_closes_at: iso(windowClosesAt) }),
    detail: keeper.health().detail,
  };
}

const iso = (epochMs: number): string => new Date(epochMs).toISOString();
