import { type ErrorCode, publicMessageOf, statusOf } from '@aovis/contracts/error-codes';
import { errorBodySchema, problemBodySchema } from '@aovis/contracts/http/common';
import type { RouteContract } from '@aovis/contracts/http/route';
import {
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type RouteConfig,
  zodToOpenAPIRegistry,
} from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

/** Codes that any route may answer, on top of its own. */
const everywhere: readonly ErrorCode[] = ['rate_limited', 'internal_error', 'service_unavailable'];
const withInput: readonly ErrorCode[] = ['invalid_request'];
const withBody: readonly ErrorCode[] = ['invalid_json', 'unsupported_media_type', 'payload_too_large'];

/** The OpenAPI 3.1 document of these routes, always in the same order. */
export function openApiDocument(contracts: readonly RouteContract[]): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  });
  const sorted = [...contracts].sort((a, b) => compare(a.path, b.path) || compare(a.method, b.method));
  for (const schema of [errorBodySchema, problemBodySchema]) describeJson(schema);
  zodToOpenAPIRegistry.add(errorBodySchema, { _internal: { refId: 'Error' } });
  zodToOpenAPIRegistry.add(problemBodySchema, { _internal: { refId: 'Problem' } });
  for (const contract of sorted) registry.registerPath(describe(contract));
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'AOVIS Direct',
      version: '1',
      description: 'Every refusal carries a stable `code`, a sentence and the `request_id` to quote.',
    },
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The generator follows `z.json()` for ever; this names it as what it is: any JSON value. */
function describeJson(schema: unknown, seen = new Set<unknown>()): void {
  if (typeof schema !== 'object' || schema === null || seen.has(schema)) return;
  seen.add(schema);
  if (schema instanceof z.ZodLazy) {
    zodToOpenAPIRegistry.add(schema, { type: ['string', 'number', 'boolean', 'object', 'array', 'null'] });
    return;
  }
  const parts: unknown[] = schema instanceof z.ZodType ? Object.values(schema.def) : Object.values(schema);
  for (const part of parts) describeJson(part, seen);
}

function describe(contract: RouteContract): RouteConfig {
  const { operationId, method, path, summary, description, tag, auth, params, query, body, responses } =
    contract;
  describeJson([params, query, body, responses]);
  const answers = Object.entries(responses).map(([status, schema]) => [
    status,
    { description: status === '200' ? 'Done' : 'Answer', content: { 'application/json': { schema } } },
  ]);
  return {
    operationId,
    method,
    path,
    summary,
    tags: [tag],
    ...(description !== undefined && { description: withCapability(description, auth) }),
    security: securityOf(auth),
    request: {
      ...(params && { params: params as z.ZodObject }),
      ...(query && { query: query as z.ZodObject }),
      ...(body && { body: { required: true, content: { 'application/json': { schema: body } } } }),
    },
    responses: { ...refusals(contract), ...Object.fromEntries(answers) },
  };
}

function securityOf(auth: RouteContract['auth']): NonNullable<RouteConfig['security']> {
  if (auth === 'public' || auth === 'signature') return [];
  return auth === 'optional' ? [{}, { bearer: [] }] : [{ bearer: [] }];
}

function withCapability(description: string, auth: RouteContract['auth']): string {
  const capability = typeof auth === 'object' ? auth.capability : undefined;
  return capability === undefined ? description : `${description} Needs the capability \`${capability}\`.`;
}

/** One entry a status, its codes and their sentences in the description. */
function refusals(contract: RouteContract): RouteConfig['responses'] {
  const byStatus = new Map<number, string[]>();
  for (const code of codesOf(contract)) {
    const line = `\`${code}\`: ${publicMessageOf(code)}`;
    const status = contract.statuses?.[code] ?? statusOf(code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), line]);
  }
  const content = {
    'application/json': { schema: errorBodySchema },
    'application/problem+json': { schema: problemBodySchema },
  };
  return Object.fromEntries(
    [...byStatus].map(([status, lines]) => [status, { description: lines.join('\n\n'), content }]),
  );
}

function codesOf({ auth, params, query, body, errors }: RouteContract): ErrorCode[] {
  const signedIn = auth !== 'public' && auth !== 'signature';
  const codes = new Set<ErrorCode>([
    ...errors,
    ...(signedIn ? (['unauthorized'] as const) : []),
    ...(params || query || body ? withInput : []),
    ...(body ? withBody : []),
    ...everywhere,
  ]);
  return [...codes].sort(compare);
}
