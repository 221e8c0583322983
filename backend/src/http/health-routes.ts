import { getHealth, getReadiness } from '@aovis/contracts/http/health';
import type { Logger } from '../kernel/logger.ts';
import { handle, type Route } from './route.ts';

/** Resolves when the part is fit; rejects with a sentence when it is not. */
export type ReadinessCheck = () => Promise<unknown>;

export function healthRoutes(checks: Readonly<Record<string, ReadinessCheck>>, log: Logger): Route[] {
  return [
    handle(getHealth, async () => ({ status: 200, body: { status: 'ok' as const } })),
    handle(getReadiness, async () => {
      const results = await Promise.all(
        Object.entries(checks).map(async ([name, check]) => [name, await outcome(name, check, log)] as const),
      );
      const ready = results.every(([, result]) => result === 'ok');
      const body = {
        status: ready ? ('ready' as const) : ('not_ready' as const),
        checks: Object.fromEntries(results),
      };
      return { status: ready ? 200 : 503, body };
    }),
  ];
}

/** The cause goes to the log; strangers learn only which part it is. */
async function outcome(name: string, check: ReadinessCheck, log: Logger): Promise<string> {
  try {
    await check();
    return 'ok';
  } catch (error) {
    log.warn({ error, check: name }, 'not ready');
    return 'not available';
  }
}
