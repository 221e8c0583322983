import { randomUUID } from 'node:crypto';
import type { Entitlement } from './entitlement.ts';
import type {
  EntitlementRepository,
  HandOver,
  NewPurchased,
  NewTrial,
  StatusChange,
} from './entitlement-repository.ts';

/** Passes the same contract suite as the real one (`entitlement-repository-contract.ts`). */
export class FakeEntitlementRepository implements EntitlementRepository {
  readonly #entitlements: Entitlement[] = [];
  /** Entitlement id by purchase and capability. */
  readonly #purchased = new Map<string, string>();

  async list(userId: string, deviceId: string): Promise<Entitlement[]> {
    return this.#entitlements
      .filter((one) => one.userId === userId && one.deviceId === deviceId)
      .sort((a, b) => a.startsAt.getTime() - b.startsAt.getTime());
  }

  async insertTrial(trial: NewTrial): Promise<boolean> {
    const used = this.#entitlements.some(
      ({ source, deviceId, capability }) =>
        source === 'trial' && deviceId === trial.deviceId && capability === trial.capability,
    );
    if (!used) this.#entitlements.push({ id: randomUUID(), source: 'trial', status: 'active', ...trial });
    return !used;
  }

  async insertPurchased({ purchaseId, ...purchased }: NewPurchased): Promise<boolean> {
    const key = `${purchaseId} ${purchased.capability}`;
    if (this.#purchased.has(key)) return false;
    const id = randomUUID();
    this.#purchased.set(key, id);
    this.#entitlements.push({ id, source: 'purchase', status: 'active', ...purchased });
    return true;
  }

  async changeStatusOfPurchase(purchaseId: string, { from, to }: StatusChange): Promise<void> {
    const keys = [...this.#purchased].filter(([key]) => key.startsWith(`${purchaseId} `));
    const ids = new Set(keys.map(([, id]) => id));
    for (const entitlement of this.#entitlements)
      if (ids.has(entitlement.id) && from.includes(entitlement.status)) entitlement.status = to;
  }

  async handOver({ deviceId, fromUserId, toUserId }: HandOver): Promise<number> {
    const handed = await this.list(fromUserId, deviceId);
    for (const entitlement of handed) entitlement.userId = toUserId;
    return handed.length;
  }

  async expire(now: Date, limit: number): Promise<Entitlement[]> {
    const over = this.#entitlements
      .filter(({ status, endsAt }) => status === 'active' && endsAt !== undefined && endsAt <= now)
      .slice(0, limit);
    for (const entitlement of over) entitlement.status = 'expired';
    return over;
  }
}
