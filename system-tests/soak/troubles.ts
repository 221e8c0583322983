import { setTimeout as pause } from 'node:timers/promises';
import { admin } from '@aovis/simulator/cloud-setup';
import type { LocalSystem } from '@aovis/simulator/local-system';
import { addFault, type FaultRule } from '../support/faults.ts';
import type { SoakedBoard } from './soaked-board.ts';

export interface Stage {
  system: LocalSystem;
  board: SoakedBoard;
  /** Uniform in [0, 1). */
  random: () => number;
}

export interface Trouble {
  name: string;
  /** How often it is drawn, beside the others. */
  weight: number;
  /** Resolves when it is over. */
  cause(stage: Stage): Promise<void>;
}

/** Credentials, and with them PutMedia connections, end that soon: in AWS it is an hour. */
const credentialSeconds = 120;

/** Until the cloud is killed, which forgets it. */
export async function shortenCredentials({ endpoints }: LocalSystem): Promise<void> {
  const effect = { kind: 'custom', name: 'short-lived', value: credentialSeconds } as const;
  await addFault(endpoints, { service: 'credential-provider', effect });
}

const between = (random: () => number, low: number, high: number): number => low + random() * (high - low);

/** A fault of the broker for this board, and a cut by which it comes true. */
const brokerFault =
  (operation: string, effect: FaultRule['effect'], times: number, cut = true) =>
  async ({ system, board }: Stage): Promise<void> => {
    await addFault(system.endpoints, {
      service: 'iot-broker',
      operation,
      subject: board.deviceId,
      effect,
      times,
    });
    if (cut) board.cut();
  };

const mediaFault =
  (operation: string, effect: (random: () => number) => FaultRule['effect']) =>
  async ({ system, board, random }: Stage): Promise<void> => {
    const subject = `aovis-stream-${board.deviceId}`;
    await addFault(system.endpoints, {
      service: 'kinesis-video',
      operation,
      subject,
      effect: effect(random),
      times: 2,
    });
    await ifThere(admin(system.endpoints, 'POST', `/_local/kinesis-video/streams/${subject}/disconnect`));
  };

const atBroker =
  (action: 'kick' | 'lose-session') =>
  ({ system, board }: Stage): Promise<void> =>
    ifThere(admin(system.endpoints, 'POST', `/_local/mqtt/connections/${board.deviceId}/${action}`));

/** What may happen to a board, its uplink and the cloud, at random. */
export const troubles: readonly Trouble[] = [
  { name: 'connections reset', weight: 6, cause: async ({ board }) => board.cut() },
  {
    name: 'uplink silent for 2 to 50 s',
    weight: 4,
    cause: ({ board, random }) => board.silence(between(random, 2_000, 50_000)),
  },
  { name: 'video reset', weight: 3, cause: async ({ board }) => board.cutVideo() },
  {
    name: 'uplink of the video at 10 % for 5 to 40 s',
    weight: 3,
    cause: ({ board, random }) => board.narrow(between(random, 5_000, 40_000)),
  },
  { name: 'disconnected by the broker', weight: 1, cause: atBroker('kick') },
  { name: 'session lost', weight: 1, cause: atBroker('lose-session') },
  { name: 'CONNECT refused twice', weight: 1, cause: brokerFault('Connect', { kind: 'drop' }, 2) },
  { name: 'publish discarded', weight: 1, cause: brokerFault('Publish', { kind: 'drop' }, 1, false) },
  {
    name: 'acknowledgement lost',
    weight: 1,
    cause: brokerFault('Publish', { kind: 'lose-answer' }, 1, false),
  },
  { name: 'two deliveries lost', weight: 1, cause: brokerFault('Deliver', { kind: 'drop' }, 2) },
  {
    name: 'PutMedia cut within a fragment',
    weight: 2,
    cause: mediaFault('PutMediaSession', (random) => ({
      kind: 'custom',
      name: 'cut-media',
      value: { afterBytes: Math.round(between(random, 1_000, 400_000)) },
    })),
  },
  {
    name: 'PutMedia answered with an error',
    weight: 1,
    cause: mediaFault('PutMediaFragment', () => ({
      kind: 'custom',
      name: 'error-ack',
      value: { errorId: 5000 },
    })),
  },
  {
    name: 'cloud silent for 2 to 15 s',
    weight: 1,
    cause: async ({ system, random }) => {
      const { pid } = system.program('local-cloud');
      process.kill(pid, 'SIGSTOP');
      try {
        await pause(between(random, 2_000, 15_000));
      } finally {
        process.kill(pid, 'SIGCONT');
      }
    },
  },
  {
    name: 'cloud killed, back after 0 to 8 s',
    weight: 1,
    cause: async ({ system, random }) => {
      await system.program('local-cloud').kill();
      await pause(between(random, 0, 8_000));
      await system.startCloud();
      await shortenCredentials(system);
    },
  },
  {
    name: 'backend killed, back after 0 to 8 s',
    weight: 1,
    cause: async ({ system, random }) => {
      await system.program('backend').kill();
      await pause(between(random, 0, 8_000));
      await system.startBackend();
    },
  },
];

export function drawTrouble(random: () => number): Trouble {
  let left = random() * troubles.reduce((sum, { weight }) => sum + weight, 0);
  for (const trouble of troubles) {
    left -= trouble.weight;
    if (left < 0) return trouble;
  }
  throw new Error('There are no troubles to draw from.');
}

/** The board may be away just now: then there is nothing to end. */
async function ifThere(action: Promise<unknown>): Promise<void> {
  await action.catch((error: unknown) => {
    if (!(error instanceof Error && error.message.includes('answered 404'))) throw error;
  });
}
