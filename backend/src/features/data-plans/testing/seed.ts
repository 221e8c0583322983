import type { Database } from '../../../db/database.ts';
import type { DataPlan } from '../data-plan.ts';
import { KnexDataPlanRepository } from '../data-plan-repository.ts';
import type { Purchase } from '../purchase.ts';
import { KnexPurchaseRepository } from '../purchase-repository.ts';

export const plan: DataPlan = {
  planId: 'eu-5gb-30d',
  name: '5 GB, 30 days',
  description: 'For one camera.',
  packageCode: 'PKG-5GB-30D',
  priceMinor: 990,
  currency: 'eur',
  dataMb: 5_120,
  durationDays: 30,
  capabilities: ['cloud_playback', 'cellular_data'],
};

/** An unpaid purchase of `plan`. Returns its id. */
export async function seedPurchase(
  db: Database,
  {
    now = new Date('2026-03-01T08:00:00Z'),
    ...purchase
  }: {
    userId: string;
    deviceId: string;
    iccid?: string;
    now?: Date;
  } & Partial<Pick<Purchase, 'stripeSessionId'>>,
): Promise<string> {
  await new KnexDataPlanRepository(db).save([plan], now);
  const purchases = new KnexPurchaseRepository(db);
  const { userId, deviceId, iccid } = purchase;
  const stored = await purchases.insert({ userId, deviceId, iccid, plan, now });
  if (purchase.stripeSessionId !== undefined)
    await purchases.update({ ...stored, stripeSessionId: purchase.stripeSessionId });
  return stored.id;
}
