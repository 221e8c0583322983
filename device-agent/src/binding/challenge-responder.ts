import { createHash } from 'node:crypto';
import { type BindingChallenge, bindingChallengeSchema } from '@aovis/contracts/binding-proof';
import { bindingChallengeTopic, bindingProofTopic } from '@aovis/contracts/topics';
import type { Clock } from '../host/clock.ts';
import { counted } from '../host/counted.ts';
import type { Logger } from '../host/logger.ts';
import type { IotConnection, IotMessage } from '../iot/iot-connection.ts';
import type { Part, PartHealth } from '../part.ts';
import type { Signer } from './board-signer.ts';
import type { BindingStatus } from './ownership-keeper.ts';
import type { ProofJournal, SignedChallenge } from './proof-journal.ts';

/** What the responder must know of owners. */
export interface Ownership {
  status(): BindingStatus;
  refresh(): Promise<void>;
}

export interface ChallengeResponderOptions {
  thing: string;
  connection: IotConnection;
  clock: Pick<Clock, 'now'>;
  logger: Logger;
  journal: ProofJournal;
  ownership: Ownership;
  sign: Signer;
  /** Called once for each claim that was signed. */
  onSigned: (claimId: string) => void;
}

/** A challenge is 300 bytes; what is much longer is none. */
const maxChallengeBytes = 4_096;

/** Why a challenge is not signed, and what to do. */
const refusals = {
  malformed: 'A challenge that does not fit the schema was ignored.',
  expired: 'A challenge came too late, or the clock of this board is ahead: check the time.',
  reused: 'A challenge names a claim that was signed with other words: it is refused.',
  unknown: 'A challenge came before the cloud had said whether somebody owns this board.',
  epoch: 'A challenge names an epoch that is not the present one of this board: it is refused.',
  owned: 'Somebody wants to claim this board, which has an owner: it is refused.',
  closed: 'Somebody wants to claim this board, which is not in claim mode: press its button first.',
  busy: 'Too many challenges came within minutes: this one is refused.',
  disk: 'A challenge was not signed: the state directory cannot be written. Free space there.',
} as const;
type RefusalReason = keyof typeof refusals;

/**
 * Signs challenges while the board can be claimed, each claim once: the proof is on disk before it leaves the board, and a
 * challenge that comes again is answered with the same one. Everything else is turned away in silence, for the cloud has
 * asked nothing that it could not know.
 */
export class ChallengeResponder implements Part {
  readonly name = 'binding-proof';
  readonly #options: ChallengeResponderOptions;
  #intake: Promise<void> = Promise.resolve();
  #started = false;

  constructor(options: ChallengeResponderOptions) {
    this.#options = options;
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const { thing, connection, journal } = this.#options;
    await journal.load();
    connection.subscribe(bindingChallengeTopic(thing), (message) => this.#onMessage(message));
    connection.onConnected(() => this.#sendUndelivered());
  }

  /** What came until now is answered or turned away when it resolves. */
  async stop(): Promise<void> {
    await this.#intake;
  }

  health(): PartHealth {
    return { ok: true, detail: `${counted(this.#options.journal.entries.length, 'claim')} signed of late` };
  }

  #onMessage({ payload }: IotMessage): void {
    const challenge =
      payload.length > maxChallengeBytes
        ? undefined
        : bindingChallengeSchema.safeParse(parseJson(payload)).data;
    if (challenge === undefined) return this.#refuse('malformed', undefined);
    this.#intake = this.#intake.then(() => this.#take(challenge));
  }

  async #take(challenge: BindingChallenge): Promise<void> {
    const { clock, journal } = this.#options;
    if (challenge.expires_at <= clock.now()) return this.#refuse('expired', challenge);
    const known = journal.find(challenge.claim_id);
    if (known !== undefined)
      return known.challenge === digestOf(challenge) ? this.#send(known) : this.#refuse('reused', challenge);
    const reason = await this.#reasonAgainst(challenge);
    if (reason !== undefined) return this.#refuse(reason, challenge);
    await this.#sign(challenge);
  }

  async #reasonAgainst({ epoch }: BindingChallenge): Promise<RefusalReason | undefined> {
    const { ownership } = this.#options;
    // The word of the change of owner may still be under way.
    const known = ownership.status().ownership?.epoch;
    if (known === undefined || epoch > known) await ownership.refresh();
    const { claimable, ownership: present } = ownership.status();
    if (present === undefined) return 'unknown';
    if (epoch !== present.epoch) return 'epoch';
    if (present.owned) return 'owned';
    return claimable ? undefined : 'closed';
  }

  async #sign(challenge: BindingChallenge): Promise<void> {
    const { clock, journal, logger, sign, onSigned } = this.#options;
    const entry: SignedChallenge = {
      challenge: digestOf(challenge),
      expires_at: challenge.expires_at,
      proof: sign(challenge),
      delivered: false,
    };
    try {
      if (!(await journal.add(entry, clock.now()))) return this.#refuse('busy', challenge);
    } catch (error) {
      logger.error({ err: error, claimId: challenge.claim_id }, refusals.disk);
      return;
    }
    logger.info({ claimId: challenge.claim_id }, 'This board confirms that it is being claimed.');
    onSigned(challenge.claim_id);
    await this.#send(entry);
  }

  #refuse(reason: RefusalReason, challenge: BindingChallenge | undefined): void {
    this.#options.logger.warn({ reason, claimId: challenge?.claim_id }, refusals[reason]);
  }

  #sendUndelivered(): void {
    const { journal, clock } = this.#options;
    for (const entry of journal.entries)
      if (!entry.delivered && entry.expires_at > clock.now())
        this.#intake = this.#intake.then(() => this.#send(entry));
  }

  async #send({ proof }: SignedChallenge): Promise<void> {
    const { connection, journal, logger, thing } = this.#options;
    try {
      await connection.publish({ topic: bindingProofTopic(thing), payload: JSON.stringify(proof) });
      await journal.noteDelivered(proof.claim_id);
    } catch (error) {
      logger.info(
        { err: error, claimId: proof.claim_id },
        'A proof could not be sent; it is sent when connected.',
      );
    }
  }
}

/** Over the fields in their order, as the schema leaves them. */
function digestOf({ claim_id, nonce, user_ref, epoch, expires_at }: BindingChallenge): string {
  const fields = JSON.stringify([claim_id, nonce, user_ref, epoch, expires_at]);
  return createHash('sha256').update(fields).digest('hex');
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}
