import { type LiveReply, liveReplySchema } from '@aovis/contracts/live-view';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { boardActions } from '../commands/board-actions.ts';
import { action } from '../commands/command-action.ts';
import { createLogger } from '../host/logger.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { ControlChannel } from './control-channel.ts';

const logger = createLogger({ level: 'silent' });

describe('a viewer’s commands', () => {
  let keyframes: number;
  let moves: unknown[];
  let finish: () => void;
  let replies: LiveReply[];
  let leave: AbortController;

  beforeEach(() => {
    keyframes = 0;
    moves = [];
    replies = [];
    leave = new AbortController();
  });

  const channel = (mayCommand = true): ControlChannel =>
    new ControlChannel({
      actions: {
        ...boardActions({
          clock: new FakeClock(),
          logger,
          requestKeyframe: () => {
            keyframes += 1;
            return true;
          },
          identify: undefined,
          reboot: ['reboot'],
          ptz: undefined,
          machineBootId: undefined,
        }),
        ptz: action('ptz', async (params, { running }) => {
          running();
          moves.push(params);
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
          return { status: 'succeeded' };
        }),
      },
      mayCommand,
      signal: leave.signal,
      logger,
    });

  const say = async (to: ControlChannel, command: unknown): Promise<void> => {
    to.onMessage(typeof command === 'string' ? command : JSON.stringify(command), (text) =>
      replies.push(liveReplySchema.parse(JSON.parse(text))),
    );
    await settle();
  };
  const statuses = (): string[] => replies.map(({ status }) => status);

  it('are carried out and answered', async () => {
    await say(channel(), { id: 'c-1', type: 'request_keyframe' });
    expect(keyframes).toBe(1);
    expect(replies).toEqual([
      { id: 'c-1', status: 'accepted' },
      { id: 'c-1', status: 'succeeded' },
    ]);
  });

  it('are told of while they take time', async () => {
    const one = channel();
    await say(one, { id: 'c-1', type: 'ptz', params: { pan: 0.5, tilt: 0, zoom: 0 } });
    expect(statuses()).toEqual(['accepted', 'running']);
    finish();
    await settle();
    expect(statuses()).toEqual(['accepted', 'running', 'succeeded']);
    expect(moves).toEqual([{ pan: 0.5, tilt: 0, zoom: 0 }]);
  });

  it('are carried out once, and answered again when they come again', async () => {
    const one = channel();
    const command = { id: 'c-1', type: 'request_keyframe', params: {} };
    await say(one, command);
    await say(one, command);
    expect(keyframes).toBe(1);
    expect(statuses()).toEqual(['accepted', 'succeeded', 'succeeded']);
  });

  it.each([
    ['what this board does not know', { type: 'dance' }, 'unknown_command'],
    ['what every object knows', { type: 'toString' }, 'unknown_command'],
    ['what has to survive a restart', { type: 'reboot' }, 'not_live'],
    ['parameters that do not fit', { type: 'ptz', params: { pan: 7 } }, 'invalid_params'],
  ])('reject %s', async (_, command, code) => {
    await say(channel(), { id: 'c-1', ...command });
    expect(replies).toMatchObject([{ status: 'rejected', error: { code } }]);
  });

  it('are the owner’s alone', async () => {
    await say(channel(false), { id: 'c-1', type: 'request_keyframe' });
    expect(keyframes).toBe(0);
    expect(replies).toMatchObject([{ status: 'rejected', error: { code: 'forbidden' } }]);
  });

  it('are limited to four at a time', async () => {
    const one = channel();
    for (const id of ['1', '2', '3', '4', '5'])
      await say(one, { id, type: 'ptz', params: { pan: 0, tilt: 0, zoom: 0 } });
    expect(replies.at(-1)).toMatchObject({ id: '5', status: 'rejected', error: { code: 'busy' } });
  });

  it.each(['', '{', '[]', '{"id":"../x","type":"ptz"}', `{"id":"1","type":"${'x'.repeat(5_000)}"}`])(
    'are not text such as %.20s',
    async (text) => {
      await say(channel(), text);
      expect(replies).toEqual([]);
    },
  );

  it('end in silence when the viewer has left', async () => {
    await say(channel(), { id: 'c-1', type: 'ptz', params: { pan: 0, tilt: 0, zoom: 0 } });
    leave.abort();
    finish();
    await settle();
    expect(statuses()).toEqual(['accepted', 'running']);
  });
});
