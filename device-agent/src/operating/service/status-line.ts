import type { AgentStatus } from '../../status/agent-status.ts';

/** `connected, streaming 1235 kb/s, 0 messages and 2 fragments wait`, for `systemctl status`. */
export function statusLine({ connection, stream, buffer }: AgentStatus): string {
  const rate = stream.state === 'off' ? '' : ` ${Math.round(stream.bitrate_bps / 1_000)} kb/s`;
  const waiting = `${buffer.messages} messages and ${buffer.fragments} fragments wait`;
  return `cloud ${connection.state}, stream ${stream.state}${rate}, ${waiting}`;
}
