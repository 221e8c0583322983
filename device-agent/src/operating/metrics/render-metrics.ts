import type { AgentStatus } from '../../status/agent-status.ts';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];
type Metric = readonly [name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]];

const only = (value: number): Sample[] => [[{}, value]];
const secondsOf = (instant: string): number => Date.parse(instant) / 1_000;

/** The agent's figures as Prometheus reads them (text-based exposition format, version 0.0.4). */
export function renderMetrics(status: AgentStatus, rssBytes: number): string {
  return metricsOf(status, rssBytes)
    .filter(([, , , samples]) => samples.length > 0)
    .map(([name, type, help, samples]) =>
      [
        `# HELP aovis_agent_${name} ${help}`,
        `# TYPE aovis_agent_${name} ${type}`,
        ...samples.map(([labels, value]) => `aovis_agent_${name}${renderLabels(labels)} ${value}`),
        '',
      ].join('\n'),
    )
    .join('');
}

function metricsOf(status: AgentStatus, rssBytes: number): Metric[] {
  const { connection, certificate, stream, buffer, binding, shadow } = status;
  const persisted = stream.last_persisted_at;
  return [
    [
      'info',
      'gauge',
      'Which board and agent; always 1.',
      [[{ device_id: status.device_id, version: status.version }, 1]],
    ],
    ['uptime_seconds', 'gauge', 'Since the agent started.', only(status.uptime_s)],
    ['resident_memory_bytes', 'gauge', 'Memory of the agent.', only(rssBytes)],
    [
      'connected',
      'gauge',
      'Whether the MQTT connection stands.',
      only(connection.state === 'connected' ? 1 : 0),
    ],
    [
      'certificate_expiry_timestamp_seconds',
      'gauge',
      'When the certificate of the board expires.',
      only(secondsOf(certificate.expires_at)),
    ],
    [
      'config_version',
      'gauge',
      'Version of the desired configuration that was seen.',
      only(shadow.config_version),
    ],
    ['claimable', 'gauge', 'Whether the board can be claimed.', only(binding.claimable ? 1 : 0)],
    [
      'stream_state',
      'gauge',
      'The state of the stream; 1 for the present one.',
      [[{ state: stream.state }, 1]],
    ],
    ['stream_bits_per_second', 'gauge', 'Video sent over the last 10 s.', only(stream.bitrate_bps)],
    [
      'stream_last_persisted_timestamp_seconds',
      'gauge',
      'When the service last confirmed a fragment.',
      persisted === undefined ? [] : only(secondsOf(persisted)),
    ],
    [
      'fragments_dropped_total',
      'counter',
      'Fragments that the service will never have.',
      only(stream.dropped_fragments),
    ],
    ['fragments_waiting', 'gauge', 'Fragments that wait.', only(buffer.fragments)],
    ['fragments_waiting_bytes', 'gauge', 'Their size.', only(buffer.fragment_bytes)],
    ['messages_waiting', 'gauge', 'Events and telemetry batches that wait.', only(buffer.messages)],
    ['messages_waiting_bytes', 'gauge', 'Their size.', only(buffer.message_bytes)],
    [
      'messages_dropped_total',
      'counter',
      'Messages that were given up.',
      [
        [{ kind: 'event' }, buffer.dropped_events],
        [{ kind: 'telemetry' }, buffer.dropped_telemetry],
      ],
    ],
    [
      'part_ok',
      'gauge',
      'Whether a part of the agent does its job now.',
      status.parts.map(({ name, ok }): Sample => [{ part: name }, ok ? 1 : 0]),
    ],
  ];
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escapeValue = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
