import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { BindingChallenge, BindingProof } from '@aovis/contracts/binding-proof';
import { bindingProofSchema } from '@aovis/contracts/binding-proof';
import type { OwnershipState } from '@aovis/contracts/ownership';
import {
  bindingChallengeTopic,
  bindingProofTopic,
  ownershipShadow,
  shadowTopicPrefix,
} from '@aovis/contracts/topics';
import { ulid } from 'ulid';
import { writeFileAtomically } from '../../host/atomic-file.ts';
import { createLogger } from '../../host/logger.ts';
import { FakeIotConnection } from '../../iot/testing/fake-iot-connection.ts';
import { ShadowClient } from '../../shadow/shadow-client.ts';
import { FakeShadowService } from '../../shadow/testing/fake-shadow-service.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { until } from '../../testing/until.ts';
import { BindingFile } from '../binding-file.ts';
import { boardSigner } from '../board-signer.ts';
import { ChallengeResponder } from '../challenge-responder.ts';
import type { OwnedData } from '../former-owner-data.ts';
import { GatedConnection } from '../gated-connection.ts';
import { OwnershipKeeper } from '../ownership-keeper.ts';
import { ProofJournal } from '../proof-journal.ts';

export const thing = 'aovis-n4k-000123';
export const certificateId = 'ab'.repeat(32);
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const publicKey: KeyObject = keys.publicKey;
const privateKey = keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

export interface BindingStandOptions {
  clock?: FakeClock;
  /** What the cloud's shadow says; none: nobody has ever owned the board. */
  desired?: OwnershipState;
  /** Stands for the disk. */
  write?: (path: string, content: string) => Promise<void>;
  data?: readonly OwnedData[];
}

/** One life of an agent, as far as owners go; the next life in the same directory finds what it left. */
export class BindingStand {
  readonly connection = new FakeIotConnection();
  readonly shadow: FakeShadowService;
  readonly gate: GatedConnection;
  readonly keeper: OwnershipKeeper;
  readonly clock: FakeClock;
  /** Claims that were signed, as the board's events say. */
  readonly signed: string[] = [];
  readonly wiped: number[] = [];
  /** Warnings and errors. */
  readonly logged: string[] = [];
  changes = 0;
  readonly #responder: ChallengeResponder;

  private constructor(directory: string, options: BindingStandOptions) {
    const { write = writeFileAtomically, data = [], desired } = options;
    const clock = options.clock ?? new FakeClock();
    const logger = createLogger({
      level: 'warn',
      destination: { write: (line: string) => void this.logged.push(line) },
    });
    const { connection } = this;
    this.clock = clock;
    this.shadow = new FakeShadowService(connection, shadowTopicPrefix(thing, ownershipShadow));
    if (desired !== undefined) this.shadow.desire({ ...desired });
    this.gate = new GatedConnection(connection);
    let tokens = 0;
    this.keeper = new OwnershipKeeper({
      client: new ShadowClient({
        connection,
        clock,
        logger,
        thing,
        shadowName: ownershipShadow,
        newToken: () => `t${++tokens}`,
      }),
      connection,
      gate: this.gate,
      clock,
      logger,
      random: () => 0.5,
      file: new BindingFile({ path: join(directory, 'binding.json'), write }),
      data,
      onChange: () => {
        this.changes += 1;
      },
      onWiped: ({ epoch }) => this.wiped.push(epoch),
    });
    const bundle = { thing, certificateId, privateKey } as Parameters<typeof boardSigner>[0];
    this.#responder = new ChallengeResponder({
      thing,
      connection,
      clock,
      logger,
      journal: new ProofJournal({ path: join(directory, 'proofs.json'), write }),
      ownership: this.keeper,
      sign: boardSigner(bundle),
      onSigned: (claimId) => this.signed.push(claimId),
    });
  }

  static async start(directory: string, options: BindingStandOptions = {}): Promise<BindingStand> {
    const stand = new BindingStand(directory, options);
    const { signal } = new AbortController();
    await stand.keeper.start(signal);
    await stand.#responder.start(signal);
    return stand;
  }

  /** Connects, and waits until the board knows whose it is. */
  async connect(): Promise<void> {
    this.connection.connect();
    await until(() => this.gate.state === 'connected');
  }

  challenge(changes: Partial<BindingChallenge> = {}): BindingChallenge {
    return {
      claim_id: ulid(),
      nonce: Buffer.alloc(32, 5).toString('base64url'),
      user_ref: 'u_4f9a1c2e7b6d8035',
      epoch: 0,
      expires_at: this.clock.now() + 120_000,
      ...changes,
    };
  }

  deliver(...payloads: unknown[]): void {
    for (const payload of payloads) this.connection.deliver(bindingChallengeTopic(thing), payload);
  }

  get proofs(): BindingProof[] {
    return this.connection.published
      .filter(({ topic }) => topic === bindingProofTopic(thing))
      .map(({ payload }) => bindingProofSchema.parse(JSON.parse(payload)));
  }

  /** All that was delivered until now is signed or turned away when it resolves. */
  async handled(): Promise<void> {
    await this.#responder.stop();
  }

  async stop(): Promise<void> {
    await this.#responder.stop();
    await this.keeper.stop();
  }
}
