import { createHash } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit, type Store } from 'express-rate-limit';
import { z } from 'zod';
import type { Database } from '../db/database.ts';
import { readEmail } from '../kernel/email.ts';
import { AppError } from '../kernel/errors.ts';
import { parseJsonBody } from './json-body.ts';
import { PostgresRateLimitStore } from './rate-limit-store.ts';
import type { LimitName } from './route.ts';

interface Limit {
  windowMs: number;
  limit: number;
  /** Whom it counts; undefined: this request is not counted. */
  keyOf: (request: Request) => string | undefined;
}

const minute = 60_000;

/** IPv6 addresses count by their /56 network: one customer has at least that many. */
const byAddress = (request: Request): string => ipKeyGenerator(request.ip ?? '', 56);

/**
 * Limits that guard secrets, counted in PostgreSQL for all instances together. When the database cannot be reached
 * they refuse (503), as these routes could not work without it anyway.
 */
const sharedLimits: Record<LimitName, readonly Limit[]> = {
  'sign-in': [{ windowMs: minute, limit: 30, keyOf: byAddress }],
  refresh: [{ windowMs: minute, limit: 120, keyOf: byAddress }],
  'magic-link': [
    { windowMs: 15 * minute, limit: 20, keyOf: byAddress },
    { windowMs: 15 * minute, limit: 5, keyOf: emailKey },
  ],
  activation: [{ windowMs: minute, limit: 30, keyOf: byAddress }],
  // An order holds pieces until it is over, paid or not.
  line: [{ windowMs: minute, limit: 600, keyOf: byToken }],
  checkout: [{ windowMs: 15 * minute, limit: 30, keyOf: byAddress }],
};

const emailBodySchema = z.looseObject({ email: z.string() });

/**
 * The address a mail would go to, hashed: the counters are no list of addresses. Read exactly as the route reads it,
 * or else another spelling of the body would not be counted.
 */
function emailKey(request: Request): string | undefined {
  const { success, data } = emailBodySchema.safeParse(jsonOf(request));
  const email = success ? readEmail(data.email) : undefined;
  return email && createHash('sha256').update(email).digest('base64url');
}

/** Who sends the same token; hashed, the counters are no list of keys. Others cannot use its allowance up. */
function byToken(request: Request): string {
  const token = request.get('authorization');
  return token === undefined ? byAddress(request) : createHash('sha256').update(token).digest('base64url');
}

function jsonOf(request: Request): unknown {
  try {
    return parseJsonBody(request);
  } catch {
    // The route refuses it.
    return undefined;
  }
}

export interface Limiters {
  /** Of every request, counted in this process: it must cost nothing. */
  general: RequestHandler;
  shared: Record<LimitName, RequestHandler[]>;
}

/** Never on behalf of the store: a failing store fails the request (`passOnStoreError` is false by default). */
export function createLimiters(db: Database, requestsPerMinute: number): Limiters {
  const shared = (name: LimitName): RequestHandler[] =>
    sharedLimits[name].map((limit, index) => {
      const identifier = index === 0 ? name : `${name}-${index + 1}`;
      return limiter(
        identifier,
        limit,
        new PostgresRateLimitStore({ db, name: identifier, windowMs: limit.windowMs }),
      );
    });
  return {
    general: limiter('general', { windowMs: minute, limit: requestsPerMinute, keyOf: byAddress }),
    shared: {
      'sign-in': shared('sign-in'),
      refresh: shared('refresh'),
      'magic-link': shared('magic-link'),
      activation: shared('activation'),
      checkout: shared('checkout'),
      line: shared('line'),
    },
  };
}

function limiter(identifier: string, { windowMs, limit, keyOf }: Limit, store?: Store): RequestHandler {
  return rateLimit({
    windowMs,
    limit,
    identifier,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // The proxy setting is checked where it is read (config.ts); the library's own checks only print.
    validate: false,
    keyGenerator: (request) => keyOf(request) ?? '',
    skip: (request) => keyOf(request) === undefined,
    ...(store !== undefined && { store }),
    handler: (request, _response, next) => {
      const { resetTime } = (request as Request & { rateLimit: { resetTime?: Date } }).rateLimit;
      const retryAfterMs =
        resetTime === undefined ? windowMs : Math.max(1_000, resetTime.getTime() - Date.now());
      next(new AppError('rate_limited', { retryAfterMs }));
    },
  });
}
