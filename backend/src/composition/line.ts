import { LineCredentialsService } from '../features/line/line-credentials-service.ts';
import { lineOutboxHandlers } from '../features/line/line-outbox.ts';
import { lineRoutes } from '../features/line/line-routes.ts';
import { LineService } from '../features/line/line-service.ts';
import { Sealer } from '../kernel/sealer.ts';
import type { Core, Feature } from './core.ts';

export function composeLine({ config, adapters }: Core): Feature {
  const { db, clock, lineRegistry } = adapters;
  const { proofModels, publicUrl, activationPeppers: peppers } = config;
  const sealer = new Sealer(config.sessionSecret, 'credentials of boards of the line API');
  return {
    routes: lineRoutes({
      line: new LineService({ db, clock, proofModels }),
      credentials: new LineCredentialsService({ db, clock, sealer, publicUrl }),
    }),
    outboxHandlers: lineOutboxHandlers({ db, registry: lineRegistry, sealer, peppers }),
  };
}
