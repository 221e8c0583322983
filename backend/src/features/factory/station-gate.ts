import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { RefusalBudget } from '../audit/refusal-budget.ts';
import { FactoryRepository } from './factory-repository.ts';
import { SignedTextRefused, stationOf } from './station-jws.ts';

/** What is let in here, and how refusals of it are recorded. */
export interface StationText {
  /** `typ` of the header. */
  type: string;
  malformed: 'invalid_manifest' | 'invalid_station_request';
  action: string;
  subject: string;
}

export interface SigningStation {
  stationId: string;
  publicKey: KeyObject;
}

/** Lets in what a registered station signed; strangers are turned away and recorded, so many as the log can bear. */
export class StationGate {
  readonly #db: Database;
  readonly #text: StationText;
  readonly #refusals: RefusalBudget;

  constructor({ db, clock }: { db: Database; clock: Clock }, text: StationText) {
    this.#db = db;
    this.#text = text;
    this.#refusals = new RefusalBudget(clock);
  }

  /** @throws AppError unknown_station, invalid_signature, or the code for what is malformed */
  async admit<T>(
    jws: string,
    requestId: string | undefined,
    verify: (jws: string, station: SigningStation) => Promise<T>,
  ): Promise<T> {
    let stationId: string | undefined;
    try {
      stationId = stationOf(jws, this.#text.type, this.#text.malformed);
      const station = await new FactoryRepository(this.#db).findStation(stationId);
      if (station === undefined || station.disabledAt !== undefined)
        throw new SignedTextRefused('unknown_station', [
          'register the public key of this station at the backend: station add',
        ]);
      return await verify(jws, { stationId, publicKey: createPublicKey(station.publicKeyPem) });
    } catch (error) {
      if (!(error instanceof SignedTextRefused)) throw error;
      await this.#record(error.code, stationId, requestId);
      throw new AppError(error.code, { details: { issues: error.issues }, cause: error });
    }
  }

  async #record(
    code: SignedTextRefused['code'],
    stationId: string | undefined,
    requestId: string | undefined,
  ): Promise<void> {
    const noted = this.#refusals.take();
    if (noted === undefined) return;
    const { action, subject } = this.#text;
    await transaction(this.#db, (trx) =>
      record(trx, {
        action,
        actor: { kind: 'station', id: stationId },
        subject: { kind: subject },
        outcome: 'refused',
        details: { code, ...noted },
        requestId,
      }),
    );
  }
}
