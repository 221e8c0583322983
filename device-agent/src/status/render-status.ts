import { counted } from '../host/counted.ts';
import { duration } from '../host/duration.ts';
import type { AgentStatus } from './agent-status.ts';

const problemsShown = 5;
/** With less left a person should know. */
const renewalDays = 30;

/** One screen for a person in front of the board. */
export function renderStatus(status: AgentStatus, now: number): string {
  const ago = (instant: string): string => `${duration(now - Date.parse(instant))} ago`;
  const { connection, certificate, shadow, binding, stream, buffer, camera } = status;
  const persisted =
    stream.last_persisted_at === undefined
      ? 'nothing persisted yet'
      : `last persisted ${ago(stream.last_persisted_at)}`;
  const rows: [string, string][] = [
    ['Device', `${status.device_id} (serial ${status.serial})`],
    ['Agent', `version ${status.version}, process ${status.pid}, up ${duration(status.uptime_s * 1_000)}`],
    ['Connection', describeConnection(connection)],
    ['Certificate', describeCertificate(certificate)],
    ['Shadow', `reported version ${shadow.version ?? 'none'}, config version ${shadow.config_version}`],
    ...Object.entries(shadow.config_errors).map(([key, reason]): [string, string] => [
      '',
      `refused ${key}: ${reason}`,
    ]),
    ['Owner', binding.detail],
    ['Camera', camera.detail],
    ['Stream', `${stream.state}, ${Math.round(stream.bitrate_bps / 1_000)} kb/s, ${persisted}`],
    ['', stream.detail],
    [
      'Buffer',
      `${counted(buffer.fragments, 'fragment')} (${kib(buffer.fragment_bytes)}), ${stream.dropped_fragments} dropped`,
    ],
    [
      'Messages',
      `${buffer.messages} waiting ${buffer.messages_on === 'disk' ? 'on the disk' : 'in memory'} ` +
        `(${kib(buffer.message_bytes)}), ${counted(buffer.dropped_events, 'event')} and ` +
        `${counted(buffer.dropped_telemetry, 'telemetry batch', 'telemetry batches')} dropped`,
    ],
  ];
  return [...rows.map(([label, text]) => `${label.padEnd(12)}${text}`), ...renderProblems(status, ago)].join(
    '\n',
  );
}

/** `connected to HOST`, `waiting: what is wrong`. */
function describeConnection({ state, detail }: AgentStatus['connection']): string {
  return detail.startsWith(state) ? detail : `${state}: ${detail}`;
}

function describeCertificate({ expires_at, days_left }: AgentStatus['certificate']): string {
  const text = `expires ${expires_at.slice(0, 10)} (${counted(days_left, 'day')} left)`;
  return days_left < renewalDays
    ? `${text}: give the board a new one by the job rotate-certificate, or provision it again`
    : text;
}

function renderProblems({ problems }: AgentStatus, ago: (instant: string) => string): string[] {
  if (problems.length === 0) return ['Problems    none since the start'];
  return [
    'Problems',
    ...problems.slice(0, problemsShown).map(({ last_at, count, level, part, sentence }) => {
      const times = count > 1 ? `, ${count} times` : '';
      return `  ${level.toUpperCase()} ${part}, ${ago(last_at)}${times}: ${sentence}`;
    }),
  ];
}

const kib = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;
