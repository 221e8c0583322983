import type { RouteContract, StaffRole } from '@aovis/contracts/http/route';
import type { z } from 'zod';
import type { FactoryCaller } from '../features/line/factory-key.ts';
import type { RequestContext } from './request-context.ts';

/** Who is signed in. */
export interface SignedInUser {
  id: string;
  sessionId: string;
  role: 'user' | StaffRole;
}

export interface HandlerInput<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  params: z.output<Params>;
  query: z.output<Query>;
  body: z.output<Body>;
  /** Reading it on a route without sign-in is a programming error and throws. */
  user: SignedInUser;
  /** Who is signed in, if anybody: for routes where that is optional. */
  visitor: SignedInUser | undefined;
  /** Reading it on a route without a factory key is a programming error and throws. */
  factory: FactoryCaller;
  requestContext: RequestContext;
}

/** One of the contract's answers, whole. */
export type Answer<Responses extends Record<number, z.ZodType>> = {
  [Status in keyof Responses & number]: {
    status: Status;
    body: z.input<Responses[Status]>;
    headers?: Record<string, string | string[]>;
  };
}[keyof Responses & number];

export interface RouteOptions {
  /** Runs before the body is read as JSON: the place to check a signature over `requestContext.rawBody`. */
  before?: (requestContext: RequestContext) => Promise<void>;
  /** Names of limits (`http/limits.ts`) on top of the general one. */
  limits?: readonly LimitName[];
  /** Take an `Idempotency-Key` header: the same key and body get the stored answer. */
  idempotent?: boolean;
}

export type LimitName = 'sign-in' | 'refresh' | 'magic-link' | 'activation' | 'checkout' | 'line';

export type AnyInput = HandlerInput<z.ZodType, z.ZodType, z.ZodType>;

export interface AnyAnswer {
  status: number;
  body: unknown;
  headers?: Record<string, string | string[]>;
}

/** A route as the server mounts it: contract and handler, types erased. */
export interface Route extends RouteOptions {
  contract: RouteContract;
  handler: (input: AnyInput) => Promise<AnyAnswer>;
}

/**
 * Joins a contract and its handler, typed by the contract. Parts that do not fit the schemas never reach the
 * handler; it throws AppErrors for all refusals.
 */
export function handle<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Responses extends Record<number, z.ZodType>,
>(
  contract: RouteContract<Params, Query, Body, Responses>,
  handler: (input: HandlerInput<Params, Query, Body>) => Promise<Answer<NoInfer<Responses>>>,
  options: RouteOptions = {},
): Route {
  return {
    ...options,
    contract: contract as unknown as RouteContract,
    handler: handler as unknown as Route['handler'],
  };
}
