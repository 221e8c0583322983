import { randomUUID } from 'node:crypto';
import type { Entitlement } from './entitlement.ts';
import type { EntitlementRepository, NewTrial } from './entitlement-repository.ts';

/** Passes the same contract suite as the real one (`entitlement-repository-contract.ts`). */
export class FakeEntitlementRepository implements EntitlementRepository {
  readonly #entitlements: Entitlement[] = [];

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
}
