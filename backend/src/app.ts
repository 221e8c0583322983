import express, { type Express, type RequestHandler } from 'express';
import type { Config } from './config/config.ts';
import type { Database } from './db/database.ts';
import { cors } from './http/cors.ts';
import { errorHandler, nothingHere } from './http/error-handler.ts';
import { readBody } from './http/json-body.ts';
import { createLimiters } from './http/limits.ts';
import { type Authenticate, mountRoutes } from './http/mount.ts';
import { mountPages } from './http/pages.ts';
import { mountRenderedPages, type RenderedPage } from './http/rendered-page.ts';
import { type Answered, requestContext } from './http/request-context.ts';
import type { Route } from './http/route.ts';
import { noStore, securityHeaders } from './http/security-headers.ts';
import type { Clock } from './kernel/clock.ts';
import type { Logger } from './kernel/logger.ts';
import { Sealer } from './kernel/sealer.ts';

export interface AppDependencies {
  config: Pick<Config, 'environment' | 'corsOrigins' | 'trustProxy' | 'requestsPerMinute' | 'sessionSecret'>;
  db: Database;
  clock: Clock;
  log: Logger;
  authenticate: Authenticate;
  routes: readonly Route[];
  /** Those that are made on the server. */
  pages?: readonly RenderedPage[];
  /** Told of every answer, for metrics. */
  observe?: (answered: Answered) => void;
}

/** The HTTP side of the backend. Listens nowhere yet. */
export function createApp(dependencies: AppDependencies): Express {
  const { config, db, clock, log, authenticate, routes, pages = [], observe } = dependencies;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('trust proxy', config.trustProxy);
  // Repeated and nested parameters stay what they are, texts and lists: `?id[a]=1` is no object.
  app.set('query parser', 'simple');

  const limiters = createLimiters(db, config.requestsPerMinute);
  app.use(requestContext(log.child({ part: 'http' }), observe));
  app.use(securityHeaders());
  app.use(cors(config.corsOrigins));
  app.use(unless(pathsWithoutLimit(routes), limiters.general));
  mountPages(app);
  mountRenderedPages(app, pages, authenticate);
  app.use(noStore);
  app.use(readBody());
  const validateAnswers = config.environment === 'development';
  const sealer = new Sealer(config.sessionSecret, 'answers to repeated requests');
  mountRoutes(app, routes, { db, clock, authenticate, limiters, sealer, validateAnswers });
  app.use(nothingHere);
  app.use(errorHandler);
  return app;
}

/** Machines with a signature send all their messages from one address; health checks must always be answered. */
function pathsWithoutLimit(routes: readonly Route[]): Set<string> {
  const machines = routes.filter(
    ({ contract }) => contract.auth === 'signature' || contract.tag === 'Service',
  );
  return new Set(machines.map(({ contract }) => contract.path));
}

function unless(paths: ReadonlySet<string>, limiter: RequestHandler): RequestHandler {
  return (request, response, next) =>
    paths.has(request.path) ? next() : void limiter(request, response, next);
}
