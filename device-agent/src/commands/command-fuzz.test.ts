import { commandParamsSchemas, commandSchema } from '@aovis/contracts/commands';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { CommandStand } from './testing/command-stand.ts';

const types = [...Object.keys(commandParamsSchemas), 'toString', '__proto__', 'constructor', 'dance'];

/** Anything at all, and commands with one thing or another wrong with them. */
function payloads(now: number) {
  const aboutNow = fc.integer({ min: now - 60_000, max: now + 60_000 });
  const time = fc.oneof({ weight: 6, arbitrary: aboutNow }, fc.jsonValue());
  const whole = fc.record(
    {
      id: fc.oneof({ weight: 4, arbitrary: fc.ulid() }, fc.jsonValue()),
      type: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...types) }, fc.jsonValue()),
      params: fc.oneof(
        { weight: 5, arbitrary: fc.constant({}) },
        fc.record({ duration_s: fc.jsonValue() }),
        fc.record({ pan: fc.double(), tilt: fc.double(), zoom: fc.double() }),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.jsonValue(),
      ),
      issued_at: time,
      expires_at: time,
      correlation_id: fc.oneof({ weight: 4, arbitrary: fc.string({ maxLength: 128 }) }, fc.jsonValue()),
    },
    { requiredKeys: ['id', 'type', 'params', 'issued_at', 'expires_at', 'correlation_id'] },
  );
  return fc.oneof(
    { weight: 6, arbitrary: whole.map((command) => JSON.stringify(command)) },
    { weight: 2, arbitrary: fc.json() },
    fc.string(),
    // Broken off, as no sender of ours would.
    whole.chain((command) => {
      const text = JSON.stringify(command);
      return fc.nat(text.length).map((length) => text.slice(0, length));
    }),
  );
}

it('answers each command by an end of its own, ignores what is none, and survives both', async () => {
  let keyframes = 0;
  const stand = await CommandStand.start(await temporaryDirectory(), {
    capacity: 5_000,
    requestKeyframe: () => {
      keyframes += 1;
      return true;
    },
  });
  stand.connection.connect();
  const wanted = new Map<string, string>();
  for (const payload of fc.sample(payloads(stand.clock.now()), 1_500)) {
    const command = commandSchema.safeParse(parsed(payload));
    // A repetition must not be carried out again.
    stand.deliver(payload, payload);
    if (command.success) wanted.set(command.data.id, command.data.type);
  }
  await stand.stop();
  const ends = stand.answers.filter(({ status }) => ['succeeded', 'failed', 'rejected'].includes(status));
  expect(new Set(stand.answers.map(({ id }) => id))).toEqual(new Set(wanted.keys()));
  const succeeded = new Set(ends.filter(({ status }) => status === 'succeeded').map(({ id }) => id));
  expect(keyframes).toBe([...succeeded].filter((id) => wanted.get(id) === 'request_keyframe').length);
  expect(succeeded.size).toBeGreaterThan(0);
});

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return undefined;
  }
}
