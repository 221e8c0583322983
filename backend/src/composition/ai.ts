import type { AiConsent } from '../features/ai/ai-ports.ts';
import { aiRoutes } from '../features/ai/ai-routes.ts';
import { SummaryService } from '../features/ai/summary-service.ts';
import { PostgresRateLimitStore } from '../http/rate-limit-store.ts';
import type { Core, Feature } from './core.ts';

const dayMs = 86_400_000;

/** Consents are given in the account; while it takes none, nobody has given this one. */
const noConsent: AiConsent = { given: async () => false };

export function composeAi({ config, adapters, access }: Core, consent: AiConsent = noConsent): Feature {
  const { db, clock, thumbnails, visionModel } = adapters;
  const summaries = new SummaryService({
    db,
    clock,
    access,
    consent,
    uses: new PostgresRateLimitStore({ db, name: 'ai-summary', windowMs: dayMs }),
    usesPerDay: config.aiSummariesPerDay,
    thumbnails,
    model: visionModel,
  });
  return { routes: aiRoutes(summaries) };
}
