import { admin } from './cloud-setup.ts';
import type { Endpoints } from './endpoints.ts';

export const simCarrierAppKey = 'local-cloud';
/** A package that was ordered takes effect so soon after, as if a person had waited for it. */
const packageEffectiveAfterMs = 2_000;

export interface PartnerSecrets {
  /** Signing secrets of the two webhook endpoints, `whsec_…`. */
  stripeOrders: string;
  stripeDataPlans: string;
  /** Signs calls to the SIM carrier and its notifications. */
  simCarrier: string;
}

/** What is set up by hand in the dashboards of Stripe and the SIM carrier: where they report to. Repeating it changes nothing. */
export async function setUpPartners(
  endpoints: Endpoints,
  { backendUrl, secrets }: { backendUrl: string; secrets: PartnerSecrets },
): Promise<void> {
  await admin(endpoints, 'PUT', '/_local/stripe/webhook-endpoints/orders', {
    url: `${backendUrl}/api/stripe/webhook`,
    secret: secrets.stripeOrders,
  });
  await admin(endpoints, 'PUT', '/_local/stripe/webhook-endpoints/data-plans', {
    url: `${backendUrl}/api/webhooks/data-plan`,
    secret: secrets.stripeDataPlans,
  });
  await admin(endpoints, 'PUT', '/_local/eiotclub/account', {
    appKey: simCarrierAppKey,
    secret: secrets.simCarrier,
    notifySecret: secrets.simCarrier,
    notifyUrl: `${backendUrl}/api/webhooks/eiotclub`,
    effectiveAfterMs: packageEffectiveAfterMs,
  });
}
