import * as z from 'zod';
import type { ErrorCode } from '../error-codes.ts';

/** A body of bytes that is sent on as it comes, e.g. a stream of Node. */
export type ByteStream = AsyncIterable<Uint8Array>;
export const byteStreamSchema = z.custom<ByteStream>(
  (value) => typeof value === 'object' && value !== null && Symbol.asyncIterator in value,
  'this is no stream of bytes',
);

export const staffRoles = ['support', 'admin'] as const;
export type StaffRole = (typeof staffRoles)[number];

/** What a factory API key may be good for. */
export const factoryScopes = ['provision', 'claim', 'credentials', 'register', 'rotate'] as const;
export type FactoryScope = (typeof factoryScopes)[number];

/**
 * Who may call a route.
 * - `public`: anybody.
 * - `optional`: anybody; who is signed in is told or given more. A bad token is refused all the same.
 * - `user`: a signed-in user (bearer token or web session).
 * - `device`: a signed-in user with a right to the device named by `{id}`; `capability` names the entitlement it
 *   takes on top of ownership, if any.
 * - `role`: a signed-in member of staff; `admin` may do all that `support` may.
 * - `factoryKey`: the software of a production line, by an API key with this scope.
 * - `signature`: the body or its headers carry a signature (station, board event, webhook).
 */
export type RouteAuth =
  | 'public'
  | 'optional'
  | 'user'
  | { device: 'owner' | 'viewer'; capability?: string }
  | { role: StaffRole }
  | { factoryKey: FactoryScope }
  | 'signature';

/** A header in words: its value is a text that the handler checks, because a bad one has an error code of its own. */
export interface HeaderContract {
  description: string;
  example: string;
  /** Of a request: a request without it is refused. */
  required?: boolean;
}

/** A request and its answer as they could really occur; a test checks them against the schemas. */
export interface RouteExample<Params, Query, Body, Answer> {
  params?: Params;
  query?: Query;
  body?: Body;
  /** The body of the first successful answer. */
  answer: Answer;
}

/**
 * One route of the HTTP API: the single definition that the server mounts, OpenAPI describes and tests check
 * answers against. Paths are OpenAPI templates (`/api/devices/{id}`).
 */
export interface RouteContract<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Responses extends Record<number, z.ZodType> = Record<number, z.ZodType>,
> {
  operationId: string;
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  path: `/${string}`;
  summary: string;
  description?: string;
  tag: string;
  auth: RouteAuth;
  params?: Params;
  query?: Query;
  body?: Body;
  /** Request headers that this route reads, by name, beside those of every route (Authorization, X-Request-Id). */
  headers?: Readonly<Record<string, HeaderContract>>;
  /** Headers of the successful answer, beside those of every answer. */
  answerHeaders?: Readonly<Record<string, HeaderContract>>;
  /** Media type of the successful answer where it is bytes instead of JSON; its schema is `byteStreamSchema` then. */
  binaryAnswer?: `${string}/${string}`;
  example: RouteExample<
    z.input<NoInfer<Params>>,
    z.input<NoInfer<Query>>,
    z.input<NoInfer<Body>>,
    z.input<NoInfer<Responses>[keyof Responses]>
  >;
  /** Successful answers by status; each is the whole body. */
  responses: Responses;
  /** Codes this route adds to those every route may answer. */
  errors: readonly ErrorCode[];
  /** Statuses of codes that a partner fixed for this route, other than those of the table. */
  statuses?: Partial<Record<ErrorCode, number>>;
}

/** Keeps the literal types of a contract, so that handlers and clients are typed from it. */
export function defineRoute<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  const Responses extends Record<number, z.ZodType>,
>(contract: RouteContract<Params, Query, Body, Responses>): RouteContract<Params, Query, Body, Responses> {
  return contract;
}
