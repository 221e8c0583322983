import { readFileSync } from 'node:fs';
import type { Board } from '@aovis/simulator/board';
import { admin } from '@aovis/simulator/cloud-setup';
import { untilPersisted } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentStatus, untilCaughtUp, untilStatus } from './support/agent-status.ts';
import { FakedClock } from './support/faked-clock.ts';
import { PromisedEvents } from './support/promised-events.ts';
import { RunningSystem } from './support/running-system.ts';

describe('a board whose clock is wrong', () => {
  let running: RunningSystem;
  let clock: FakedClock;
  let board: Board;
  let deviceId: string;
  let events: PromisedEvents;

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 1 });
    clock = new FakedClock(running.system.folder.root, '-365d');
    board = running.board(0, {
      ...clock.environment,
      AOVIS_AGENT_CLOCK_COMMAND: clock.programThatSetsIt(),
    });
    deviceId = board.deviceId;
    await running.owner('anna@example.com', running.provisionedBoard(0));
    events = new PromisedEvents(running, deviceId);
  });

  afterAll(async () => {
    await running?.stop();
  });

  const clockIs = (ok: boolean): Promise<unknown> =>
    untilStatus(running, deviceId, ok ? 'the clock is right' : 'the clock is wrong', ({ parts }) =>
      parts.some((part) => part.name === 'clock' && part.ok === ok),
    );
  const log = (): string => readFileSync(running.system.folder.log(deviceId), 'utf8');

  /** The stream is cut, and cannot be signed for while the clock is wrong. */
  async function cutStream(): Promise<void> {
    const path = `/_local/kinesis-video/streams/aovis-stream-${deviceId}/disconnect`;
    await admin(running.system.endpoints, 'POST', path);
    await untilStatus(
      running,
      deviceId,
      'the stream is interrupted',
      ({ stream }) => stream.state !== 'streaming',
    );
  }

  /** Every promise is kept, once, and the stream flows by itself. */
  async function expectAllWell(): Promise<void> {
    await untilCaughtUp(running, deviceId);
    await events.tell();
    await events.untilDelivered();
    const ids = await events.stored();
    expect(new Set(ids).size).toBe(ids.length);
    const { buffer, stream, connection } = await agentStatus(running, deviceId);
    expect({ buffer, stream, connection }).toMatchObject({
      buffer: { dropped_events: 0, dropped_telemetry: 0, messages_on: 'disk' },
      stream: { state: 'streaming' },
      connection: { state: 'connected' },
    });
  }

  it('by a year behind at its start: says what the cloud says, and is set right by aovis-agent clock --set', async () => {
    board.start();
    expect(await board.process.exited).toEqual({ code: 14, signal: null });
    expect(log()).toMatch(
      /The clock says .*, but localhost:\d+ says that it is .* behind\. Set it: sudo aovis-agent clock --set/,
    );

    expect(await board.type('clock')).toMatchObject({
      exitCode: 14,
      stdout: expect.stringContaining('365 d behind'),
    });
    const set = await board.type('clock', '--set', '--when-in-doubt');
    expect(set).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^The clock was set from .* to /),
    });
    expect(await board.type('clock', '--set', '--when-in-doubt')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('the cloud is not asked'),
    });
    board.start();
    await untilPersisted(board);
    await expectAllWell();
  });

  it('by a year behind while it streams: goes on when it is set right', async () => {
    const { pid } = await agentStatus(running, deviceId);
    clock.set('-365d');
    expect(await events.tellWhile(clockIs(false))).toBeGreaterThan(0);
    expect((await agentStatus(running, deviceId)).problems).toContainEqual(
      expect.objectContaining({
        part: 'clock',
        sentence: expect.stringContaining('365 d behind. Set it: sudo'),
      }),
    );
    await events.tellWhile(cutStream());
    // No certificate of the cloud is valid yet by that clock: no connection can be made.
    await running.system.program('local-cloud').kill();
    await running.system.startCloud();
    await events.tellWhile(
      untilStatus(running, deviceId, 'says why it is offline', ({ connection }) =>
        connection.detail.includes('is not valid at the time of this board'),
      ),
    );
    clock.set('+0');
    await events.tellWhile(clockIs(true));
    await expectAllWell();
    expect((await agentStatus(running, deviceId)).pid).toBe(pid);
  });

  it('by a year ahead while it streams: goes on when it is set right', async () => {
    const { pid } = await agentStatus(running, deviceId);
    clock.set('+365d');
    expect(await events.tellWhile(clockIs(false))).toBeGreaterThan(0);
    await events.tellWhile(cutStream());
    clock.set('+0');
    await events.tellWhile(clockIs(true));
    await expectAllWell();
    expect((await agentStatus(running, deviceId)).pid).toBe(pid);
  });

  it('by a year ahead at its start: runs, keeps what it is told, is not set back by itself, goes on when it is set right', async () => {
    await board.stop();
    clock.set('+365d');
    board.start();
    await untilStatus(running, deviceId, 'runs', () => true);
    await events.tellWhile(clockIs(false));
    const { parts } = await agentStatus(running, deviceId);
    expect(parts.find(({ name }) => name === 'clock')?.detail).toMatch(
      /So far back it is not set by itself: .* sudo date -u -s @\d+/,
    );
    expect(await board.type('clock', '--set')).toMatchObject({
      exitCode: 14,
      stdout: expect.stringContaining('ahead'),
    });
    clock.set('+0');
    await events.tellWhile(clockIs(true));
    await expectAllWell();
  });
});
