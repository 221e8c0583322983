import { beforeEach, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { CommandStand, thing } from './testing/command-stand.ts';

let directory: string;
let stand: CommandStand;
let keyframes: number;
let canMakeKeyframes: boolean;
const requestKeyframe = (): boolean => {
  keyframes += 1;
  return canMakeKeyframes;
};

beforeEach(async () => {
  directory = await temporaryDirectory();
  keyframes = 0;
  canMakeKeyframes = true;
  stand = await CommandStand.start(directory, { requestKeyframe });
  stand.connection.connect();
});

it('takes a command, carries it out and says so on the topic of the command', async () => {
  const asked = stand.command();
  stand.deliver(asked);
  expect(await stand.untilAnswered('succeeded')).toEqual([
    { id: asked.id, status: 'accepted' },
    { id: asked.id, status: 'succeeded' },
  ]);
  for (const { topic } of stand.connection.published)
    expect(topic).toBe(`aovis/${thing}/command/${asked.id}/ack`);
  await stand.stop();
});

it('answers a repeated command as before, without executing it again', async () => {
  const asked = stand.command();
  stand.deliver(asked);
  await stand.untilAnswered('succeeded');
  await stand.clock.advance(60_000);
  stand.deliver(asked, asked);
  await stand.stop();
  expect(stand.answers.map(({ status }) => status)).toEqual([
    'accepted',
    'succeeded',
    'succeeded',
    'succeeded',
  ]);
  expect(keyframes).toBe(1);
});

it('says when the camera cannot', async () => {
  canMakeKeyframes = false;
  stand.deliver(stand.command());
  expect((await stand.untilAnswered('failed')).at(-1)).toMatchObject({ error: { code: 'not_possible' } });
  await stand.stop();
});

it.each([
  [{ type: 'self_destruct' }, 'unknown_command'],
  [{ type: 'reboot' }, 'unsupported'],
  [{ type: 'ptz', params: { pan: 0, tilt: 0, zoom: 0 } }, 'unsupported'],
  [{ type: 'toString' }, 'unknown_command'],
  [{ params: { now: true } }, 'invalid_params'],
  [{ type: 'identify', params: { duration_s: 100 } }, 'invalid_params'],
  [{ expires_at: 1 }, 'expired'],
])('rejects %j: %s', async (changes, code) => {
  stand.deliver(stand.command(changes));
  expect(await stand.untilAnswered('rejected')).toMatchObject([{ error: { code } }]);
  await stand.stop();
  expect(keyframes).toBe(0);
});

it.each([
  ['reboot', {}, 'AOVIS_AGENT_REBOOT_COMMAND'],
  ['ptz', { pan: 0, tilt: 0, zoom: 0 }, 'AOVIS_AGENT_PTZ_COMMAND'],
])('names the setting that %s needs, and its file', async (type, params, variable) => {
  stand.deliver(stand.command({ type, params }));
  expect((await stand.untilAnswered('rejected'))[0]?.error?.message).toBe(
    `This board is not set up for ${type}: set ${variable} in /etc/aovis-agent/agent.env, and restart the agent.`,
  );
  await stand.stop();
});

it.each(['', '{', 'null', '{}', '{"id":"../../x","type":"reboot"}'])(
  'ignores what is no command: %j',
  async (text) => {
    stand.deliver(text);
    await stand.stop();
    expect(stand.answers).toEqual([]);
  },
);

it('tells at the next connection what it could not tell', async () => {
  stand.connection.disconnect();
  const asked = stand.command();
  stand.deliver(asked);
  await stand.stop();
  expect(keyframes).toBe(1);
  stand.connection.connect();
  expect(await stand.untilAnswered('succeeded')).toEqual([{ id: asked.id, status: 'succeeded' }]);
  await stand.stop();
});

it('does nothing that it cannot write down, and does not change its mind', async () => {
  let full = true;
  const write = async (): Promise<void> => {
    if (full) throw new Error('ENOSPC');
  };
  const other = await CommandStand.start(directory, { requestKeyframe, write });
  other.connection.connect();
  const asked = other.command();
  other.deliver(asked);
  await other.untilAnswered('rejected');
  full = false;
  other.deliver(asked);
  await other.stop();
  expect(other.answers).toMatchObject([
    { status: 'rejected', error: { code: 'not_stored' } },
    { status: 'rejected', error: { code: 'not_stored' } },
  ]);
  expect(keyframes).toBe(0);
});

it('forgets no command that could come again', async () => {
  const small = await CommandStand.start(directory, { requestKeyframe, capacity: 2 });
  small.connection.connect();
  const [first, second, third] = [small.command(), small.command(), small.command()];
  small.deliver(first, second, third);
  const answers = await small.untilAnswered('rejected', third.id);
  expect(answers.at(-1)).toMatchObject({ id: third.id, error: { code: 'busy' } });
  await small.untilAnswered('succeeded', second.id);
  // Now the first two have expired.
  await small.clock.advance(30_000);
  const fourth = small.command();
  small.deliver(fourth);
  await small.untilAnswered('succeeded', fourth.id);
  await small.stop();
  expect(small.journal.entries.map(({ id }) => id)).toEqual([second.id, fourth.id]);
});

it('forgets what a former owner asked, but for what could still come again', async () => {
  const directory = await temporaryDirectory();
  const stand = await CommandStand.start(directory);
  stand.connection.connect();
  const old = stand.command();
  stand.deliver(old);
  await stand.untilAnswered('succeeded', old.id);
  await stand.clock.advance(30_000);
  const fresh = stand.command();
  stand.deliver(fresh);
  await stand.untilAnswered('succeeded', fresh.id);
  await stand.journal.forgetExpired(stand.clock.now());
  await stand.stop();
  const next = await CommandStand.start(directory, { clock: stand.clock });
  expect(next.journal.entries.map(({ id }) => id)).toEqual([fresh.id]);
  await next.stop();
});
