import { readFile } from 'node:fs/promises';
import { dataPlanFileSchema } from '@aovis/contracts/http/data-plans';
import * as z from 'zod';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { record } from '../audit/audit-log.ts';
import type { DataPlan } from './data-plan.ts';
import { KnexDataPlanRepository } from './data-plan-repository.ts';

/** Sentences for the operator who wrote the file. */
export class PlanFileRefused extends Error {
  override name = 'PlanFileRefused';
}

/** Puts on sale what the file says, all of it or nothing; other plans are sold no more. @throws PlanFileRefused */
export async function importPlanFile(
  path: string,
  { db, clock }: { db: Database; clock: Clock },
): Promise<{ plans: number; changed: number; removed: number }> {
  const plans = parsePlans(await readFile(path, 'utf8'));
  const now = clock.now();
  return transaction(db, async (trx) => {
    const repository = new KnexDataPlanRepository(trx);
    const changed = await repository.save(plans, now);
    const planIds = plans.map(({ planId }) => planId);
    const removed = await repository.takeOffOthers(planIds, now);
    await record(trx, {
      action: 'data_plan.import',
      actor: { kind: 'system' },
      subject: { kind: 'data_plans' },
      outcome: 'ok',
      details: { plans: planIds, changed, removed },
    });
    return { plans: plans.length, changed: changed.length, removed };
  });
}

function parsePlans(text: string): DataPlan[] {
  const result = dataPlanFileSchema.safeParse(parseJson(text));
  if (!result.success)
    throw new PlanFileRefused(`The file of data plans does not fit:\n${z.prettifyError(result.error)}`);
  return result.data.plans.map((plan) => ({
    planId: plan.plan_id,
    name: plan.name,
    description: plan.description,
    packageCode: plan.package_code,
    priceMinor: plan.price_minor,
    currency: plan.currency,
    dataMb: plan.data_mb ?? undefined,
    durationDays: plan.duration_days,
    capabilities: plan.capabilities,
  }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PlanFileRefused('The file of data plans is no JSON.', { cause });
  }
}
