import { createPublicKey } from 'node:crypto';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { record } from '../audit/audit-log.ts';
import { FactoryRepository, type Station } from './factory-repository.ts';

/** A sentence for the operator who typed the command. */
export class StationRefused extends Error {
  override name = 'StationRefused';
}

/** Registers the keys with which factory stations sign. For operators: there is no route to it. */
export class StationService {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  async list(): Promise<Station[]> {
    return new FactoryRepository(this.#db).listStations();
  }

  /**
   * `publicKeyPem` is an Ed25519 public key (SPKI). The same again changes nothing.
   * @throws StationRefused
   */
  async add(stationId: string, publicKeyPem: string): Promise<'added' | 'unchanged'> {
    if (!/^[a-z0-9][a-z0-9-]{1,62}$/.test(stationId))
      throw new StationRefused('a station id has 2 to 63 of a-z, 0-9 and "-" and does not begin with "-"');
    const pem = readPublicKey(publicKeyPem);
    return transaction(this.#db, async (trx) => {
      const repository = new FactoryRepository(trx);
      await repository.lockImports();
      const known = await repository.findStation(stationId);
      if (known?.disabledAt !== undefined)
        throw new StationRefused(`${stationId} was disabled; register the new key under a new station id`);
      if (known?.publicKeyPem === pem) return 'unchanged';
      if (known !== undefined)
        throw new StationRefused(
          `${stationId} has another key; disable it and register the new key under a new station id`,
        );
      await repository.insertStation(stationId, pem, this.#clock.now());
      await this.#record(trx, 'factory.add_station', stationId);
      return 'added';
    });
  }

  /** From then on its manifests are refused; those taken before stay. @throws StationRefused */
  async disable(stationId: string): Promise<'disabled' | 'unchanged'> {
    return transaction(this.#db, async (trx) => {
      const repository = new FactoryRepository(trx);
      await repository.lockImports();
      const known = await repository.findStation(stationId);
      if (known === undefined)
        throw new StationRefused(`there is no station ${stationId}; station list shows them`);
      if (known.disabledAt !== undefined) return 'unchanged';
      await repository.disableStation(stationId, this.#clock.now());
      await this.#record(trx, 'factory.disable_station', stationId);
      return 'disabled';
    });
  }

  async #record(trx: Database, action: string, stationId: string): Promise<void> {
    await record(trx, {
      action,
      actor: { kind: 'admin', id: 'cli' },
      subject: { kind: 'station', id: stationId },
      outcome: 'ok',
      details: {},
    });
  }
}

function readPublicKey(pem: string): string {
  if (pem.includes('PRIVATE KEY'))
    throw new StationRefused(
      'this file holds a private key; give the public one and keep that at the station',
    );
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key.export({ type: 'spki', format: 'pem' }).toString();
  } catch (cause) {
    throw new StationRefused('this file holds no public key in PEM form (-----BEGIN PUBLIC KEY-----)', {
      cause,
    });
  }
  throw new StationRefused('the key must be an Ed25519 key; the station makes one by itself');
}
