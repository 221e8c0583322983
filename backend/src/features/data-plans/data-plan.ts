import type { DataPlanView } from '@aovis/contracts/http/data-plans';
import type { Capability } from '@aovis/contracts/http/devices';

/** A package of the carrier as we sell it. */
export interface DataPlan {
  planId: string;
  name: string;
  description: string;
  /** The carrier's name of the package. */
  packageCode: string;
  /** In the currency's smallest unit. */
  priceMinor: number;
  /** ISO 4217, lower case. */
  currency: string;
  /** Undefined when it is not limited. */
  dataMb: number | undefined;
  durationDays: number;
  capabilities: Capability[];
}

export function toDataPlanView(plan: DataPlan): DataPlanView {
  return {
    plan_id: plan.planId,
    name: plan.name,
    description: plan.description,
    price_minor: plan.priceMinor,
    currency: plan.currency,
    data_mb: plan.dataMb ?? null,
    duration_days: plan.durationDays,
    capabilities: plan.capabilities,
  };
}
