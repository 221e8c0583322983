import type { Capability } from '@aovis/contracts/http/devices';
import type { Database } from '../../db/database.ts';
import type { DataPlan } from './data-plan.ts';

export interface DataPlanRepository {
  /** Those on sale, the cheapest first. */
  listActive(): Promise<DataPlan[]>;
  /** One that is on sale. */
  findActive(planId: string): Promise<DataPlan | undefined>;
  /** Puts plans on sale, in place of those with the same id. Returns the ids that are new or changed. */
  save(plans: readonly DataPlan[], now: Date): Promise<string[]>;
  /** Takes all others off sale. Returns how many there were. */
  takeOffOthers(planIds: readonly string[], now: Date): Promise<number>;
}

interface Row {
  plan_id: string;
  name: string;
  description: string;
  package_code: string;
  price_minor: number;
  currency: string;
  data_mb: number | null;
  duration_days: number;
  capabilities: Capability[];
  active: boolean;
}

export class KnexDataPlanRepository implements DataPlanRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async listActive(): Promise<DataPlan[]> {
    const rows = await this.#db<Row>('data_plans')
      .where({ active: true })
      .orderBy(['price_minor', 'plan_id']);
    return rows.map(toDataPlan);
  }

  async findActive(planId: string): Promise<DataPlan | undefined> {
    const row = await this.#db<Row>('data_plans').where({ plan_id: planId, active: true }).first();
    return row && toDataPlan(row);
  }

  async save(plans: readonly DataPlan[], now: Date): Promise<string[]> {
    const changed: string[] = [];
    for (const plan of plans) {
      const row = toRow(plan);
      const columns = Object.keys(row).filter((column) => column !== 'plan_id');
      const stored = await this.#db('data_plans')
        .insert({ ...row, updated_at: now })
        .onConflict('plan_id')
        .merge([...columns, 'updated_at'])
        .whereRaw(
          `(${columns.map((column) => `data_plans.${column}`).join(', ')}) IS DISTINCT FROM (${columns.map((column) => `excluded.${column}`).join(', ')})`,
        )
        .returning<{ plan_id: string }[]>('plan_id');
      changed.push(...stored.map(({ plan_id }) => plan_id));
    }
    return changed;
  }

  async takeOffOthers(planIds: readonly string[], now: Date): Promise<number> {
    return this.#db('data_plans')
      .where({ active: true })
      .whereNotIn('plan_id', [...planIds])
      .update({ active: false, updated_at: now });
  }
}

function toDataPlan(row: Row): DataPlan {
  return {
    planId: row.plan_id,
    name: row.name,
    description: row.description,
    packageCode: row.package_code,
    priceMinor: row.price_minor,
    currency: row.currency,
    dataMb: row.data_mb ?? undefined,
    durationDays: row.duration_days,
    capabilities: row.capabilities,
  };
}

function toRow(plan: DataPlan): Row {
  return {
    plan_id: plan.planId,
    name: plan.name,
    description: plan.description,
    package_code: plan.packageCode,
    price_minor: plan.priceMinor,
    currency: plan.currency,
    data_mb: plan.dataMb ?? null,
    duration_days: plan.durationDays,
    capabilities: plan.capabilities,
    active: true,
  };
}
