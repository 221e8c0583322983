import { randomBytes } from 'node:crypto';
import { type FactoryScope, factoryScopes } from '@aovis/contracts/http/route';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { hashToken, randomToken } from '../../kernel/tokens.ts';
import { record } from '../audit/audit-log.ts';
import { type FactoryKey, formatFactoryKey, isUsable } from './factory-key.ts';
import { FactoryKeyRepository } from './factory-key-repository.ts';

/** A sentence for the operator who typed the command. */
export class FactoryKeyRefused extends Error {
  override name = 'FactoryKeyRefused';
}

export interface NewFactoryKey {
  keyId: string;
  /** The whole key. Shown once, stored nowhere. */
  key: string;
  expiresAt: Date | undefined;
}

const hourMs = 3_600_000;

/** Makes, rotates and revokes the API keys of production lines. For operators: there is no route to it. */
export class FactoryKeyService {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  async list(): Promise<Omit<FactoryKey, 'secretHash'>[]> {
    const keys = await new FactoryKeyRepository(this.#db).list();
    return keys.map(({ keyId, lineId, scopes, createdAt, expiresAt, revokedAt, lastUsedAt, replaces }) => ({
      keyId,
      lineId,
      scopes,
      createdAt,
      expiresAt,
      revokedAt,
      lastUsedAt,
      replaces,
    }));
  }

  /** @param days validity; without it the key is good until it is revoked. @throws FactoryKeyRefused */
  async add(lineId: string, scopes: readonly string[], days: number | undefined): Promise<NewFactoryKey> {
    if (!/^[a-z0-9][a-z0-9-]{1,62}$/.test(lineId))
      throw new FactoryKeyRefused(
        'a line id has 2 to 63 of a-z, 0-9 and "-" and does not begin with "-", e.g. line-3',
      );
    const known = readScopes(scopes);
    const expiresAt =
      days === undefined ? undefined : new Date(this.#clock.now().getTime() + days * 24 * hourMs);
    return transaction(this.#db, async (trx) => {
      const made = await this.#insert(trx, { lineId, scopes: known, expiresAt, replaces: undefined });
      await note(trx, 'factory.add_key', made.keyId, { line: lineId, scopes: known });
      return made;
    });
  }

  /**
   * A new key for the same line with the same scopes; the old one works for some hours more, so that the line can be
   * changed over without a pause. Its validity is as long as the old one's was.
   * @throws FactoryKeyRefused
   */
  async rotate(keyId: string, overlapHours: number): Promise<NewFactoryKey & { oldExpiresAt: Date }> {
    return transaction(this.#db, async (trx) => {
      const repository = new FactoryKeyRepository(trx);
      const old = await this.#lock(repository, keyId);
      const now = this.#clock.now();
      const successor = (await repository.list()).find(({ replaces }) => replaces === keyId);
      if (successor !== undefined)
        throw new FactoryKeyRefused(`${keyId} was rotated already; rotate ${successor.keyId}`);
      const lifeMs = old.expiresAt && old.expiresAt.getTime() - old.createdAt.getTime();
      const overlapEnd = new Date(now.getTime() + overlapHours * hourMs);
      const oldExpiresAt =
        old.expiresAt === undefined || overlapEnd < old.expiresAt ? overlapEnd : old.expiresAt;
      const made = await this.#insert(trx, {
        lineId: old.lineId,
        scopes: old.scopes,
        expiresAt: lifeMs === undefined ? undefined : new Date(now.getTime() + lifeMs),
        replaces: keyId,
      });
      await repository.end(keyId, { expiresAt: oldExpiresAt });
      await note(trx, 'factory.rotate_key', made.keyId, { line: old.lineId, replaces: keyId });
      return { ...made, oldExpiresAt };
    });
  }

  /** From then on it is refused. @throws FactoryKeyRefused */
  async revoke(keyId: string): Promise<'revoked' | 'unchanged'> {
    return transaction(this.#db, async (trx) => {
      const repository = new FactoryKeyRepository(trx);
      const key = await repository.lock(keyId);
      if (key === undefined) throw new FactoryKeyRefused(unknownKey(keyId));
      if (key.revokedAt !== undefined) return 'unchanged';
      await repository.end(keyId, { revokedAt: this.#clock.now() });
      await note(trx, 'factory.revoke_key', keyId, { line: key.lineId });
      return 'revoked';
    });
  }

  async #lock(repository: FactoryKeyRepository, keyId: string): Promise<FactoryKey> {
    const key = await repository.lock(keyId);
    if (key === undefined) throw new FactoryKeyRefused(unknownKey(keyId));
    if (!isUsable(key, this.#clock.now()))
      throw new FactoryKeyRefused(`${keyId} is revoked or has expired; make a new one with line-key add`);
    return key;
  }

  async #insert(
    trx: Database,
    key: Pick<FactoryKey, 'lineId' | 'scopes' | 'expiresAt' | 'replaces'>,
  ): Promise<NewFactoryKey> {
    const keyId = randomBytes(8).toString('hex');
    const secret = randomToken();
    await new FactoryKeyRepository(trx).insert({
      ...key,
      keyId,
      secretHash: hashToken(secret),
      createdAt: this.#clock.now(),
    });
    return { keyId, key: formatFactoryKey(keyId, secret), expiresAt: key.expiresAt };
  }
}

const unknownKey = (keyId: string): string => `there is no key ${keyId}; line-key list shows them`;

function readScopes(scopes: readonly string[]): FactoryScope[] {
  const known = factoryScopes.filter((scope) => scopes.includes(scope));
  const unknown = scopes.filter((scope) => !factoryScopes.some((each) => each === scope));
  if (unknown.length > 0 || known.length === 0)
    throw new FactoryKeyRefused(`scopes are ${factoryScopes.join(', ')}; give those that the line needs`);
  return known;
}

async function note(
  trx: Database,
  action: string,
  keyId: string,
  details: Record<string, unknown>,
): Promise<void> {
  await record(trx, {
    action,
    actor: { kind: 'admin', id: 'cli' },
    subject: { kind: 'factory_key', id: keyId },
    outcome: 'ok',
    details,
  });
}
