import type { Express, Request, RequestHandler, Response } from 'express';
import * as z from 'zod';
import type { Database } from '../db/database.ts';
import type { FactoryCaller } from '../features/line/factory-key.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Sealer } from '../kernel/sealer.ts';
import { DeviceRefusals } from './device-refusals.ts';
import { keepStatuses } from './error-handler.ts';
import { FactoryKeyGuard } from './factory-key-guard.ts';
import { runOnce } from './idempotency.ts';
import { hasBody, parseJsonBody } from './json-body.ts';
import type { Limiters } from './limits.ts';
import { contextOf, type RequestContext } from './request-context.ts';
import { RoleGuard } from './role-guard.ts';
import type { AnyAnswer, AnyInput, Route, SignedInUser } from './route.ts';
import { sendAnswer } from './send-answer.ts';
import { parsePart } from './validate.ts';

/** Tells who sent a request. @throws AppError unauthorized */
export type Authenticate = (context: RequestContext) => Promise<SignedInUser>;

export interface MountDependencies {
  db: Database;
  clock: Clock;
  authenticate: Authenticate;
  limiters: Limiters;
  /** Of the answers that are kept for repeated requests. */
  sealer: Sealer;
  /** Check answers against their contracts, and fail with 500 when they do not fit. For tests and laptops. */
  validateAnswers: boolean;
}

/** Mounts the routes, and for each of their paths a 405 with `Allow` for all other methods. */
export function mountRoutes(app: Express, routes: readonly Route[], dependencies: MountDependencies): void {
  const guards = {
    roles: new RoleGuard(dependencies),
    refusals: new DeviceRefusals(dependencies),
    factoryKeys: new FactoryKeyGuard(dependencies),
  };
  for (const route of inMatchingOrder(routes)) {
    const { method, path } = route.contract;
    app[method](expressPath(path), ...limitersOf(route, dependencies), serve(route, guards, dependencies));
  }
  for (const [path, methods] of methodsByPath(routes)) app.all(expressPath(path), methodNotAllowed(methods));
}

/** `/api/devices/{id}` → `/api/devices/:id` */
function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

/** Fixed paths before templates: `/api/devices/activate` is not the device named activate. */
function inMatchingOrder(routes: readonly Route[]): Route[] {
  const placeholders = ({ contract }: Route): number => contract.path.split('{').length;
  return [...routes].sort((a, b) => placeholders(a) - placeholders(b));
}

function methodsByPath(routes: readonly Route[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { contract } of routes) {
    const own = contract.method === 'get' ? ['GET', 'HEAD'] : [contract.method.toUpperCase()];
    methods.set(contract.path, [...(methods.get(contract.path) ?? []), ...own]);
  }
  return new Map([...methods].sort(([a], [b]) => a.split('{').length - b.split('{').length));
}

/** 405, and what does go. */
export function methodNotAllowed(methods: readonly string[]): RequestHandler {
  return (_request, response) => {
    response.setHeader('Allow', methods.join(', '));
    throw new AppError('method_not_allowed');
  };
}

function limitersOf(route: Route, { limiters }: MountDependencies): RequestHandler[] {
  return (route.limits ?? []).flatMap((name) => limiters.shared[name]);
}

interface Guards {
  roles: RoleGuard;
  factoryKeys: FactoryKeyGuard;
  refusals: DeviceRefusals;
}

function serve(
  route: Route,
  { roles, refusals, factoryKeys }: Guards,
  dependencies: MountDependencies,
): (request: Request, response: Response) => Promise<void> {
  return async (request, response) => {
    keepStatuses(response, route.contract.statuses);
    const context = contextOf(request);
    const { requestId } = context;
    const user = await findUser(route, context, dependencies);
    const factory = await findFactory(route, context, factoryKeys);
    try {
      await roles.assertAllowed(route, user, requestId);
      const input = await readInput(route, request, context, { user, factory });
      await sendAnswer(response, await answer(route, input, { user, factory }, dependencies), route.contract);
    } catch (error) {
      await refusals.note(error, route, { user, deviceId: request.params.id, requestId });
      throw error;
    }
  };
}

/**
 * Who sent it, where that matters. Where it is optional, a bad token is refused all the same, since its sender means to be
 * somebody; a browser sends an old cookie without knowing, and is a guest then.
 */
async function findUser(
  { contract: { auth } }: Route,
  context: RequestContext,
  { authenticate }: MountDependencies,
): Promise<SignedInUser | undefined> {
  if (auth === 'public' || auth === 'signature') return undefined;
  if (typeof auth === 'object' && 'factoryKey' in auth) return undefined;
  if (auth !== 'optional' || context.header('authorization') !== undefined) return authenticate(context);
  try {
    return await authenticate(context);
  } catch (error) {
    if (error instanceof AppError && error.code === 'unauthorized') return undefined;
    throw error;
  }
}

async function findFactory(
  { contract: { auth } }: Route,
  context: RequestContext,
  factoryKeys: FactoryKeyGuard,
): Promise<FactoryCaller | undefined> {
  return typeof auth === 'object' && 'factoryKey' in auth
    ? factoryKeys.admit(context.header('authorization'), auth.factoryKey, context.requestId)
    : undefined;
}

/** Whoever a request comes from, so far as its route asks. */
interface Callers {
  user: SignedInUser | undefined;
  factory: FactoryCaller | undefined;
}

const noQuery = z.strictObject({});

/** Partners may have parameters of their own in the addresses that they call, and links to what is public get some appended. */
function noQueryOf({ auth }: Route['contract']): z.ZodType | undefined {
  return auth === 'public' || auth === 'signature' ? undefined : noQuery;
}

async function readInput(
  { contract, before }: Route,
  request: Request,
  requestContext: RequestContext,
  { user, factory }: Callers,
): Promise<AnyInput> {
  await before?.(requestContext);
  const params = parsePart(contract.params, 'params', request.params);
  const query = parsePart(contract.query ?? noQueryOf(contract), 'query', request.query);
  const body = contract.body && parsePart(contract.body, 'body', parseJsonBody(request));
  if (contract.body === undefined && hasBody(request))
    throw new AppError('invalid_request', {
      details: [{ path: 'body', message: 'This request takes no body' }],
    });
  return {
    params,
    query,
    body,
    requestContext,
    visitor: user,
    get user(): SignedInUser {
      if (user === undefined) throw new Error(`${contract.operationId} has no signed-in user`);
      return user;
    },
    get factory(): FactoryCaller {
      if (factory === undefined) throw new Error(`${contract.operationId} has no factory key`);
      return factory;
    },
  };
}

async function answer(
  route: Route,
  input: AnyInput,
  { user, factory }: Callers,
  { db, clock, sealer, validateAnswers }: MountDependencies,
): Promise<AnyAnswer> {
  const { contract, handler } = route;
  const given = route.idempotent
    ? await runOnce(
        { db, clock, sealer },
        {
          header: input.requestContext.header('idempotency-key'),
          // Guests of different addresses do not meet either: a careless key must not show one another's answer.
          scope: `${user?.id ?? factory?.lineId ?? `anonymous ${input.requestContext.ip}`} ${contract.operationId}`,
          content: [input.params, input.query, input.body],
        },
        () => handler(input),
      )
    : await handler(input);
  if (validateAnswers) {
    const result = contract.responses[given.status]?.safeParse(given.body);
    if (!result?.success)
      throw new Error(
        `${contract.operationId} gave an answer that is not in its contract (${given.status})`,
        {
          cause: result?.error,
        },
      );
  }
  return given;
}
