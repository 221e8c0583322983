import type { CommandView } from '@aovis/contracts/http/commands';
import type { ReportedEvent } from '@aovis/contracts/http/reports';
import type { AppClient } from '@aovis/simulator/app-client';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunningSystem } from './support/running-system.ts';

describe('a command to a board', () => {
  let running: RunningSystem;
  let anna: AppClient;
  let deviceId: string;

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 1 });
    const board = running.board(0);
    deviceId = board.deviceId;
    anna = await running.owner('anna@example.com', running.provisionedBoard(0));
    board.start();
    await untilOnline(true);
  });

  afterAll(async () => {
    await running?.stop();
  });

  async function untilOnline(wanted: boolean): Promise<void> {
    await waitFor(`${deviceId} ${wanted ? 'online' : 'offline'}`, async () => {
      const { online } = expectAnswer(await anna.device(deviceId), 200);
      return online === wanted ? true : undefined;
    });
  }
  const send = (type: string, params: object, more: object = {}) =>
    anna.call<CommandView>('POST', `/api/devices/${deviceId}/command`, { type, params, ...more });

  it.each([
    ['identify', { duration_s: 1 }, { status: 'succeeded', result: { shown_by: 'log' } }],
    ['request_keyframe', {}, { status: 'succeeded' }],
    ['reboot', {}, { status: 'rejected', failure: { code: 'unsupported' } }],
  ])('%s is answered by the board itself', async (type, params, outcome) => {
    const command = expectAnswer(await send(type, params), 200);
    expect(command).toMatchObject({ type, params, ...outcome });
    const kept = await anna.call<CommandView>('GET', `/api/devices/${deviceId}/commands/${command.id}`);
    expect(expectAnswer(kept, 200)).toEqual(command);
  });

  it('that was not waited for is answered all the same', async () => {
    const { id } = expectAnswer(await send('identify', {}, { timeout_s: 0 }), 202);
    await waitFor('the answer', async () => {
      const command = await anna.call<CommandView>('GET', `/api/devices/${deviceId}/commands/${id}`);
      return expectAnswer(command, 200).status === 'succeeded' ? true : undefined;
    });
  });

  it('is refused while the board is away, of whose life its owner can read', async () => {
    await running.board(0).stop();
    await untilOnline(false);
    expectAnswer(await send('identify', {}), 409, 'device_offline');
    const events = await anna.call<{ events: ReportedEvent[] }>(
      'GET',
      `/api/devices/${deviceId}/events?type=boot`,
    );
    expect(expectAnswer(events, 200).events).toHaveLength(1);
  });
});
