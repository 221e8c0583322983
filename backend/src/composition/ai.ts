import { hasConsented } from '../features/account/consents.ts';
import { aiRoutes } from '../features/ai/ai-routes.ts';
import { SummaryService } from '../features/ai/summary-service.ts';
import { PostgresRateLimitStore } from '../http/rate-limit-store.ts';
import type { Core, Feature } from './core.ts';

const dayMs = 86_400_000;

export function composeAi({ config, adapters, access }: Core): Feature {
  const { db, clock, thumbnails, visionModel } = adapters;
  const summaries = new SummaryService({
    db,
    clock,
    access,
    consent: { given: (userId) => hasConsented(db, userId, 'ai_features') },
    uses: new PostgresRateLimitStore({ db, name: 'ai-summary', windowMs: dayMs }),
    usesPerDay: config.aiSummariesPerDay,
    thumbnails,
    model: visionModel,
  });
  return { routes: aiRoutes(summaries) };
}
