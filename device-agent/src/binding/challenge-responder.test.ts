import { verify } from 'node:crypto';
import {
  type BindingChallenge,
  bindingChallengeSchema,
  bindingTranscript,
} from '@aovis/contracts/binding-proof';
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { writeFileAtomically } from '../host/atomic-file.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { claimWindowMs } from './claim-window.ts';
import {
  BindingStand,
  type BindingStandOptions,
  certificateId,
  publicKey,
  thing,
} from './testing/binding-stand.ts';

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});

async function connected(options?: BindingStandOptions): Promise<BindingStand> {
  const stand = await BindingStand.start(directory, options);
  await stand.connect();
  return stand;
}

function isSignatureOf(challenge: BindingChallenge, signature: string): boolean {
  const transcript = bindingTranscript({ thing, certificateId, challenge });
  return verify('sha256', transcript, publicKey, Buffer.from(signature, 'base64url'));
}

it('signs a challenge of its epoch while it can be claimed', async () => {
  const stand = await connected();
  const challenge = stand.challenge();
  stand.deliver(challenge);
  await stand.handled();
  const [proof] = stand.proofs;
  expect(proof).toMatchObject({ claim_id: challenge.claim_id, certificate_id: certificateId });
  expect(isSignatureOf(challenge, proof?.signature ?? '')).toBe(true);
  expect(stand.signed).toEqual([challenge.claim_id]);
  await stand.stop();
});

it('answers the same claim with the same proof, however often it comes', async () => {
  const stand = await connected();
  const challenge = stand.challenge();
  stand.deliver(challenge, challenge);
  stand.deliver(challenge);
  await stand.handled();
  expect(stand.proofs).toHaveLength(3);
  expect(new Set(stand.proofs.map(({ signature }) => signature)).size).toBe(1);
  expect(stand.signed).toHaveLength(1);
  await stand.stop();
});

describe('does not sign', () => {
  const refused: [
    string,
    (stand: BindingStand) => Partial<BindingChallenge> | Promise<Partial<BindingChallenge>>,
  ][] = [
    ['what has expired', ({ clock }) => ({ expires_at: clock.now() })],
    ['for another epoch', () => ({ epoch: 2 })],
    [
      'outside its window',
      async ({ clock }) => {
        await clock.advance(claimWindowMs);
        return {};
      },
    ],
    [
      'when it has an owner',
      async ({ shadow }) => {
        shadow.desire({ epoch: 1, owned: true });
        await until(() => shadow.reported['epoch'] === 1);
        return { epoch: 1 };
      },
    ],
  ];
  it.each(refused)('%s', async (_, prepare) => {
    const stand = await connected();
    const changes = await prepare(stand);
    stand.deliver(stand.challenge({ expires_at: stand.clock.now() + 120_000, ...changes }));
    await stand.handled();
    expect([stand.proofs, stand.signed]).toEqual([[], []]);
    await stand.stop();
  });

  it('the same claim with other words', async () => {
    const stand = await connected();
    const challenge = stand.challenge();
    stand.deliver(challenge, { ...challenge, user_ref: 'u_somebody_else_00000' });
    await stand.handled();
    expect(stand.proofs).toHaveLength(1);
    await stand.stop();
  });

  it('what the disk does not take', async () => {
    const write = async (path: string, content: string): Promise<void> => {
      if (path.endsWith('proofs.json')) throw new Error('no space left');
      await writeFileAtomically(path, content);
    };
    const stand = await connected({ write });
    stand.deliver(stand.challenge());
    await stand.handled();
    expect([stand.proofs, stand.signed]).toEqual([[], []]);
    await stand.stop();
  });

  it('without end', async () => {
    const stand = await connected();
    for (let i = 0; i < 40; i++) stand.deliver(stand.challenge());
    await stand.handled();
    expect(stand.signed).toHaveLength(32);
    await stand.clock.advance(120_000);
    stand.deliver(stand.challenge());
    await stand.handled();
    expect(stand.signed).toHaveLength(33);
    await stand.stop();
  });
});

it('asks the cloud when a challenge is ahead of what it knows', async () => {
  const stand = await connected();
  // The word of the change is lost on the way; the challenge is not.
  stand.shadow.desired = { epoch: 2, owned: false };
  stand.shadow.touch();
  stand.deliver(stand.challenge({ epoch: 2 }));
  await stand.handled();
  expect(stand.keeper.status().ownership).toEqual({ epoch: 2, owned: false });
  // The window of the first start was of the epoch before.
  expect(stand.signed).toEqual([]);
  await stand.keeper.openWindow('button');
  stand.deliver(stand.challenge({ epoch: 2 }));
  await stand.handled();
  expect(stand.signed).toHaveLength(1);
  await stand.stop();
});

it('sends a proof when it is connected again, unless it is too late', async () => {
  const stand = await connected();
  stand.connection.disconnect();
  stand.deliver(stand.challenge());
  await stand.handled();
  expect(stand.proofs).toEqual([]);
  stand.connection.connect();
  await stand.handled();
  expect(stand.proofs).toHaveLength(1);
  stand.connection.disconnect();
  stand.deliver(stand.challenge());
  await stand.handled();
  await stand.clock.advance(120_000);
  stand.connection.connect();
  await stand.handled();
  expect(stand.proofs).toHaveLength(1);
  await stand.stop();
});

describe.each([
  ['before the proof is on disk', 1, 'before', 0],
  ['when the proof is on disk', 1, 'after', 0],
  ['when the proof was sent', 2, 'before', 1],
  ['when it is known that it was sent', 2, 'after', 1],
] as const)('an agent that dies %s', (_, fatalWrite, when, sent) => {
  it('gives one proof of the claim, in this life and the next', async () => {
    let writes = 0;
    let dead = false;
    const write = async (path: string, content: string): Promise<void> => {
      const fatal = path.endsWith('proofs.json') && ++writes === fatalWrite;
      if (!fatal || when === 'after') await writeFileAtomically(path, content);
      if (!fatal) return;
      dead = true;
      await new Promise(() => {});
    };
    const clock = new FakeClock();
    const first = await connected({ write, clock });
    const challenge = first.challenge();
    first.deliver(challenge);
    await until(() => dead);
    expect(first.proofs).toHaveLength(sent);

    const second = await connected({ clock });
    second.deliver(challenge);
    await second.handled();
    await second.stop();
    const signatures = new Set([...first.proofs, ...second.proofs].map(({ signature }) => signature));
    expect(signatures.size).toBe(1);
    expect(second.proofs.length).toBeGreaterThanOrEqual(1);
    expect(second.signed).toHaveLength(when === 'before' && fatalWrite === 1 ? 1 : 0);
  });
});

it('is not moved by whatever else comes on its topic', async () => {
  const stand = await connected();
  const golden = stand.challenge();
  const mutated = fc
    .tuple(fc.constantFrom(...Object.keys(golden)), fc.jsonValue())
    .map(([key, value]) => ({ ...golden, [key]: value }));
  const text = fc.oneof(
    fc.string(),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.constant('['.repeat(5_000)),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, fc.jsonValue(), text), async (payload) => {
      const before = stand.signed.length;
      stand.deliver(payload);
      await stand.handled();
      const wellFormed = bindingChallengeSchema.safeParse(payload).success;
      if (!wellFormed) expect(stand.signed).toHaveLength(before);
    }),
    { numRuns: 300 },
  );
  await stand.stop();
});
