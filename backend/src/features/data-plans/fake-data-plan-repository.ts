import { isDeepStrictEqual } from 'node:util';
import type { DataPlan } from './data-plan.ts';
import type { DataPlanRepository } from './data-plan-repository.ts';

/** Passes the same contract suite as the real one (`data-plan-repository-contract.ts`). */
export class FakeDataPlanRepository implements DataPlanRepository {
  readonly #plans = new Map<string, DataPlan>();

  async listActive(): Promise<DataPlan[]> {
    return [...this.#plans.values()].sort(
      (a, b) => a.priceMinor - b.priceMinor || (a.planId < b.planId ? -1 : 1),
    );
  }

  async findActive(planId: string): Promise<DataPlan | undefined> {
    return this.#plans.get(planId);
  }

  async save(plans: readonly DataPlan[]): Promise<string[]> {
    const changed = plans.filter((plan) => !isDeepStrictEqual(this.#plans.get(plan.planId), plan));
    for (const plan of changed) this.#plans.set(plan.planId, plan);
    return changed.map(({ planId }) => planId);
  }

  async takeOffOthers(planIds: readonly string[]): Promise<number> {
    const others = [...this.#plans.keys()].filter((planId) => !planIds.includes(planId));
    for (const planId of others) this.#plans.delete(planId);
    return others.length;
  }
}
