import type { AgentStatus } from '@aovis/device-agent/status/agent-status';
import { readStatus } from '@aovis/device-agent/status/status-client';
import { waitFor } from '@aovis/simulator/wait-for';
import type { RunningSystem } from './running-system.ts';

/** What the agent of a board tells over its socket; throws when none runs. */
export async function agentStatus({ system }: RunningSystem, deviceId: string): Promise<AgentStatus> {
  const status = await readStatus(system.folder.boardState(deviceId));
  if (status === undefined) throw new Error(`The agent of ${deviceId} does not run.`);
  return status;
}

/** Until the agent's status is as wanted; answers it. */
export async function untilStatus(
  running: RunningSystem,
  deviceId: string,
  what: string,
  wanted: (status: AgentStatus) => boolean,
): Promise<AgentStatus> {
  return waitFor(`${deviceId}: ${what}`, async () => {
    const status = await agentStatus(running, deviceId);
    if (wanted(status)) return status;
    throw new Error(JSON.stringify(status));
  });
}

/** Until all that waited has been stored and the stream flows again: a fragment made from now on is PERSISTED. */
export async function untilCaughtUp(running: RunningSystem, deviceId: string): Promise<AgentStatus> {
  const now = Date.now();
  return untilStatus(
    running,
    deviceId,
    'caught up',
    ({ stream, buffer }) =>
      stream.state === 'streaming' &&
      stream.last_persisted_at !== undefined &&
      Date.parse(stream.last_persisted_at) > now + longestFragmentMs &&
      buffer.fragments <= 2,
  );
}

/** Fragments of the sample clip last 1 s; the one under way when the waiting begins shall be done too. */
const longestFragmentMs = 1_100;

/** Until an acknowledgement of a stored fragment has just come: the next one is most of a fragment away. */
export async function untilNextPersisted(running: RunningSystem, deviceId: string): Promise<void> {
  const { stream: before } = await agentStatus(running, deviceId);
  await untilStatus(
    running,
    deviceId,
    'one more fragment stored',
    ({ stream }) => stream.last_persisted_at !== before.last_persisted_at,
  );
}
