import { randomBytes, randomInt } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { AccessKey, AccessKeys, Principal } from '../kernel/principal.ts';
import type { Store, Table } from '../kernel/store.ts';

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export interface TemporaryKey extends AccessKey {
  sessionToken: string;
  expiresAt: number;
}

/** The keys handed to boards: known to every service of the stand-in, and after a restart too. */
export class TemporaryKeys {
  readonly #keys: Table<TemporaryKey>;
  readonly #accessKeys: AccessKeys;
  readonly #clock: Clock;

  constructor(store: Store, accessKeys: AccessKeys, clock: Clock) {
    this.#keys = store.table('temporary-keys');
    this.#accessKeys = accessKeys;
    this.#clock = clock;
  }

  /** Makes the keys of earlier runs valid again, and forgets those that expired. */
  restore(): void {
    this.#prune();
    for (const key of this.#keys.values()) this.#accessKeys.add(key);
  }

  /** A key in AWS's form: `ASIA…` of 20 characters, a secret of 40, and a session token. */
  issue(session: Omit<Extract<Principal, { kind: 'role' }>, 'accessKeyId'>, seconds: number): TemporaryKey {
    this.#prune();
    const accessKeyId = `ASIA${Array.from({ length: 16 }, () => base32[randomInt(32)]).join('')}`;
    const key: TemporaryKey = {
      accessKeyId,
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(192).toString('base64'),
      // Whole seconds, as the answer shows it.
      expiresAt: Math.floor(this.#clock.now() / 1000 + seconds) * 1000,
      principal: { ...session, accessKeyId },
    };
    this.#keys.put(accessKeyId, key);
    this.#accessKeys.add(key);
    return key;
  }

  /** Ends every session now; returns how many. */
  expireAll(): number {
    const now = this.#clock.now();
    this.#accessKeys.expireTemporary(now);
    const live = [...this.#keys.values()];
    for (const key of live) this.#keys.put(key.accessKeyId, { ...key, expiresAt: now });
    return live.length;
  }

  list(): { accessKeyId: string; expiresAt: string; principal: Principal }[] {
    return [...this.#keys.values()].map(({ accessKeyId, expiresAt, principal }) => ({
      accessKeyId,
      expiresAt: new Date(expiresAt).toISOString(),
      principal,
    }));
  }

  /** A key an hour past its end is not worth an ExpiredTokenException any more. */
  #prune(): void {
    const oldest = this.#clock.now() - 3_600_000;
    for (const [id, key] of this.#keys.entries()) if (key.expiresAt < oldest) this.#keys.delete(id);
  }
}
