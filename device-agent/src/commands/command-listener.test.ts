import { commandAckSchema } from '@aovis/contracts/commands';
import { beforeEach, expect, it } from '@jest/globals';
import { ulid } from 'ulid';
import { createLogger } from '../host/logger.ts';
import { FakeIotConnection } from '../iot/testing/fake-iot-connection.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { CommandListener } from './command-listener.ts';

const thing = 'aovis-n4k-000123';

let clock: FakeClock;
let connection: FakeIotConnection;
let keyframes: number;
let canMakeKeyframes: boolean;

beforeEach(async () => {
  clock = new FakeClock();
  connection = new FakeIotConnection();
  keyframes = 0;
  canMakeKeyframes = true;
  const requestKeyframe = (): boolean => {
    keyframes += 1;
    return canMakeKeyframes;
  };
  const logger = createLogger({ level: 'silent' });
  const listener = new CommandListener({ thing, connection, clock, logger, requestKeyframe });
  await listener.start(new AbortController().signal);
  connection.connect();
});

const command = (changes: object = {}): Record<string, unknown> => ({
  id: ulid(),
  type: 'request_keyframe',
  params: {},
  issued_at: clock.now(),
  expires_at: clock.now() + 30_000,
  correlation_id: 'c',
  ...changes,
});

async function answers(...payloads: unknown[]): Promise<unknown[]> {
  for (const payload of payloads) connection.deliver(`aovis/${thing}/command`, payload);
  await settle();
  return connection.published.map(({ payload }) => commandAckSchema.parse(JSON.parse(payload)));
}

it('asks the camera for a keyframe and says so on the topic of the command', async () => {
  const asked = command();
  expect(await answers(asked)).toEqual([{ id: asked.id, status: 'succeeded' }]);
  expect(connection.published[0]?.topic).toBe(`aovis/${thing}/command/${String(asked.id)}/ack`);
});

it('answers a repeated command without executing it twice', async () => {
  const asked = command();
  expect(await answers(asked, asked)).toHaveLength(2);
  expect(keyframes).toBe(1);
});

it('says when the camera cannot', async () => {
  canMakeKeyframes = false;
  expect(await answers(command())).toMatchObject([{ status: 'failed', error: { code: 'not_possible' } }]);
});

it.each([
  [{ type: 'self_destruct' }, 'unknown_command'],
  [{ type: 'reboot' }, 'unsupported'],
  [{ type: 'toString' }, 'unknown_command'],
  [{ params: { now: true } }, 'invalid_params'],
  [{ expires_at: 1 }, 'expired'],
])('rejects %j: %s', async (changes, code) => {
  expect(await answers(command(changes))).toMatchObject([{ status: 'rejected', error: { code } }]);
  expect(keyframes).toBe(0);
});

it.each(['', '{', 'null', '{}', '{"id":"../../x","type":"reboot"}'])(
  'ignores what is no command: %j',
  async (text) => {
    expect(await answers(text)).toEqual([]);
  },
);
