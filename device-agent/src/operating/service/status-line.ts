import { counted } from '../../host/counted.ts';
import type { AgentStatus } from '../../status/agent-status.ts';

/** `connected, streaming 1235 kb/s, 0 messages and 2 fragments waiting`, for `systemctl status`. */
export function statusLine({ connection, stream, buffer }: AgentStatus): string {
  const rate = stream.state === 'off' ? '' : ` ${Math.round(stream.bitrate_bps / 1_000)} kb/s`;
  const waiting = `${counted(buffer.messages, 'message')} and ${counted(buffer.fragments, 'fragment')} waiting`;
  return `cloud ${connection.state}, stream ${stream.state}${rate}, ${waiting}`;
}
