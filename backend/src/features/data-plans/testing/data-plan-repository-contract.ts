import { expect, it } from '@jest/globals';
import type { DataPlanRepository } from '../data-plan-repository.ts';
import { plan } from './seed.ts';

/** What every repository of data plans must do; run on the real one and on the fake. */
export function dataPlanRepositoryContract(makeRepository: () => Promise<DataPlanRepository>): void {
  const now = new Date('2026-03-01T00:00:00Z');
  const cheaper = { ...plan, planId: 'eu-1gb-7d', priceMinor: 290, dataMb: undefined };

  it('sells what was saved, the cheapest first', async () => {
    const plans = await makeRepository();
    expect(await plans.listActive()).toEqual([]);
    expect(await plans.save([plan, cheaper], now)).toEqual([plan.planId, cheaper.planId]);
    expect(await plans.listActive()).toEqual([cheaper, plan]);
    expect(await plans.findActive(plan.planId)).toEqual(plan);
    expect(await plans.findActive('none')).toBeUndefined();
  });

  it('tells what changed', async () => {
    const plans = await makeRepository();
    await plans.save([plan, cheaper], now);
    const dearer = { ...plan, priceMinor: 1_090 };
    expect(await plans.save([dearer, cheaper], now)).toEqual([plan.planId]);
    expect(await plans.findActive(plan.planId)).toEqual(dearer);
  });

  it('takes off what is not sold any more, and on again', async () => {
    const plans = await makeRepository();
    await plans.save([plan, cheaper], now);
    expect(await plans.takeOffOthers([cheaper.planId], now)).toBe(1);
    expect(await plans.takeOffOthers([cheaper.planId], now)).toBe(0);
    expect(await plans.listActive()).toEqual([cheaper]);
    expect(await plans.findActive(plan.planId)).toBeUndefined();
    expect(await plans.save([plan], now)).toEqual([plan.planId]);
  });
}
