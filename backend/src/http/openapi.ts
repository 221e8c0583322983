import { type ErrorCode, errorCodes, publicMessageOf, statusOf } from '@aovis/contracts/error-codes';
import { type ErrorBody, errorBodySchema, problemBodySchema } from '@aovis/contracts/http/common';
import type { HeaderContract, RouteContract } from '@aovis/contracts/http/route';
import {
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type RouteConfig,
  zodToOpenAPIRegistry,
} from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

const about = `
**Signing in.** Get a token pair by \`POST /api/auth/app-token\` (Google, Apple) or by a mailed link
(\`POST /api/auth/app-magic-link\`, then \`…/verify\`). Send the access token as \`Authorization: Bearer <access_token>\`.
After \`expires_in\` seconds, or on 401 \`unauthorized\`, exchange the refresh token once for a new pair, one exchange at
a time; on 401 \`invalid_token\` the person signs in again. Pages of this origin use \`POST /api/auth/web-session\` and a
cookie instead; requests of theirs that change something must come from such a page (403 \`csrf_refused\`).

**Refusals.** Every one carries a stable \`code\` to act on, a sentence to read and the \`request_id\` to quote;
\`details\` of \`invalid_request\` name each field. With \`Accept: application/problem+json\` they come as problem
details (RFC 9457) with the same \`code\`. A device that is not yours answers exactly like one that does not exist.

**Requests.** JSON in UTF-8, at most 256 KiB; unknown fields are refused. \`X-Request-Id\` (1 to 128 of
\`A-Z a-z 0-9 . _ -\`) is taken over, else made; every answer carries it. Times are ISO 8601 in UTC.
Where a route takes an \`Idempotency-Key\`, send one of your making, and the same again with every repetition of the request.

**Lists** come in pages of \`limit\` (1 to 100): ask for the next with \`cursor\`, the \`next_cursor\` of the page before, until that
is null. Few things come in one page without a cursor.

**Limits.** 429 and 503 say in \`Retry-After\` how many seconds to wait; answers of limited routes carry \`RateLimit\` and
\`RateLimit-Policy\` (draft-ietf-httpapi-ratelimit-headers).
`.trim();

const tags = [
  { name: 'Signing in', description: 'Sessions and their tokens.' },
  {
    name: 'Account',
    description: 'One’s own data, orders and sessions; all of it as a file, and the end of the account.',
  },
  {
    name: 'Devices',
    description: 'Activate a device with the code on its label, then see and configure it.',
  },
  {
    name: 'Sharing',
    description:
      'Let others view a device for a time, or hand it over to its next owner. Both sides agree to it.',
  },
  { name: 'Video', description: 'Play what a device sends. The player talks to Kinesis Video directly.' },
  { name: 'Store', description: 'See what is sold, order it, and learn whether it was paid.' },
  { name: 'Webhooks', description: 'For partners: what they report, signed with the secret we share.' },
  {
    name: 'Data plans',
    description: 'Data for the SIM card of a device: what is on sale, the payment page, what was bought.',
  },
  { name: 'Factory', description: 'For factory stations: what they provisioned, signed with their key.' },
  {
    name: 'Line',
    description: 'For the software of a production line that makes boards without our own tool, by API key.',
  },
  { name: 'Ingestion', description: 'For the forwarder of the IoT rule: what boards say.' },
  { name: 'Staff', description: 'For our own people, by role: support may look, admin may change.' },
  { name: 'Service', description: 'For load balancers, schedulers and operators.' },
];

const exampleRequestId = '5f3c9a52-1c64-4c0e-9f57-0f6a3f0d2b11';

/** Codes that any route may answer, on top of its own: what takes no input refuses some all the same. */
const everywhere: readonly ErrorCode[] = [
  'invalid_request',
  'rate_limited',
  'internal_error',
  'service_unavailable',
];
const withBody: readonly ErrorCode[] = ['invalid_json', 'unsupported_media_type', 'payload_too_large'];

/** The OpenAPI 3.1 document of these routes, always in the same order. */
export function openApiDocument(contracts: readonly RouteContract[]): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The access_token of a sign-in.',
  });
  registry.registerComponent('securitySchemes', 'cookie', {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-aovis_session',
    description: 'A browser’s session, for pages of this origin; not looked at beside a token.',
  });
  registry.registerComponent('securitySchemes', 'factoryKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key of a production line, `aovis_fk_…`, with the scope that the route names.',
  });
  for (const code of Object.keys(errorCodes) as ErrorCode[])
    registry.registerComponent('examples', code, { value: exampleRefusal(code) });
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
      description: about,
    },
    tags,
  });
}

function exampleRefusal(code: ErrorCode): ErrorBody {
  return { error: { code, message: publicMessageOf(code), request_id: exampleRequestId } };
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
  const { operationId, method, path, summary, description, tag, auth, params, query, body, example } =
    contract;
  describeJson([params, query, body, contract.responses]);
  return {
    operationId,
    method,
    path,
    summary,
    tags: [tag],
    ...describedBy(description, auth),
    security: securityOf(auth),
    ...(contract.headers && { parameters: headerParameters(contract.headers) }),
    request: {
      ...(params && { params: withExamples(params as z.ZodObject, example.params) }),
      ...(query && { query: withExamples(query as z.ZodObject, example.query) }),
      ...(body && {
        body: { required: true, content: { 'application/json': { schema: body, example: example.body } } },
      }),
    },
    responses: { ...refusals(contract), ...answers(contract) },
  };
}

/** Parameters have an example each, where a body has one as a whole. */
function withExamples(parameters: z.ZodObject, examples: unknown = {}): z.ZodObject {
  const values = new Map(Object.entries(examples as Record<string, unknown>));
  const shape = Object.entries(parameters.shape).map(([name, schema]) => [
    name,
    values.has(name) ? schema.meta({ ...schema.meta(), param: { example: values.get(name) } }) : schema,
  ]);
  return z.strictObject(Object.fromEntries(shape));
}

const textSchema = { type: 'string' } as const;
/** Generators of clients know it by `format`; in OpenAPI 3.1 an annotation. */
const bytesSchema = { type: 'string', format: 'binary' } as const;

function headerParameters(headers: Readonly<Record<string, HeaderContract>>) {
  return Object.entries(headers).map(([name, { description, example, required = false }]) => ({
    name,
    in: 'header' as const,
    required,
    description,
    schema: textSchema,
    example,
  }));
}

function answers({
  responses,
  answerHeaders = {},
  binaryAnswer,
  example,
}: RouteContract): RouteConfig['responses'] {
  const headers = Object.entries(answerHeaders).map(([name, header]) => [
    name,
    { description: header.description, schema: textSchema, example: header.example },
  ]);
  const described = Object.entries(responses).map(([status, schema], index) => [
    status,
    {
      description: Number(status) < 300 ? 'Done' : 'Not now',
      ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
      content: binaryAnswer
        ? { [binaryAnswer]: { schema: bytesSchema } }
        : { 'application/json': { schema, ...(index === 0 && { example: example.answer }) } },
    },
  ]);
  return Object.fromEntries(described);
}

function securityOf(auth: RouteContract['auth']): NonNullable<RouteConfig['security']> {
  if (auth === 'public' || auth === 'signature') return [];
  if (typeof auth === 'object' && 'factoryKey' in auth) return [{ factoryKey: [] }];
  const signedIn = [{ bearer: [] }, { cookie: [] }];
  return auth === 'optional' ? [{}, ...signedIn] : signedIn;
}

function describedBy(description: string | undefined, auth: RouteContract['auth']): { description?: string } {
  const capability = typeof auth === 'object' && 'device' in auth ? auth.capability : undefined;
  const needed = capability && `Needs the capability \`${capability}\`.`;
  const scope =
    typeof auth === 'object' && 'factoryKey' in auth
      ? `Needs a key with the scope \`${auth.factoryKey}\`.`
      : undefined;
  const sentences = [description, needed, scope].filter((sentence) => sentence !== undefined);
  return sentences.length === 0 ? {} : { description: sentences.join(' ') };
}

/** One entry a status; its codes with their sentences in the description, an example of each. */
function refusals(contract: RouteContract): RouteConfig['responses'] {
  const byStatus = Map.groupBy(codesOf(contract), (code) => contract.statuses?.[code] ?? statusOf(code));
  return Object.fromEntries([...byStatus].map(([status, codes]) => [status, refusal(status, codes)]));
}

function refusal(status: number, codes: readonly ErrorCode[]) {
  const examples = codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]);
  return {
    description: codes.map((code) => `\`${code}\`: ${publicMessageOf(code)}`).join('\n\n'),
    ...(waitStatuses.has(status) && { headers: { 'Retry-After': retryAfter } }),
    content: {
      'application/json': { schema: errorBodySchema, examples: Object.fromEntries(examples) },
      'application/problem+json': { schema: problemBodySchema },
    },
  };
}

const waitStatuses: ReadonlySet<number> = new Set([429, 503]);
const retryAfter = { description: 'Seconds to wait.', schema: textSchema, example: '10' };

/** Every code that a route may answer, in order. */
export function codesOf({ method, auth, body, errors }: RouteContract): ErrorCode[] {
  const signedIn = auth !== 'public' && auth !== 'signature';
  const byKey = typeof auth === 'object' && 'factoryKey' in auth;
  const codes = new Set<ErrorCode>([
    ...errors,
    ...(byKey ? (['factory_key_refused', 'factory_scope_missing'] as const) : []),
    ...(signedIn && !byKey ? (['unauthorized'] as const) : []),
    ...(signedIn && !byKey && method !== 'get' ? (['csrf_refused'] as const) : []),
    ...(typeof auth === 'object' && ('role' in auth || ('device' in auth && auth.device === 'owner'))
      ? (['forbidden'] as const)
      : []),
    ...(body ? withBody : []),
    ...everywhere,
  ]);
  return [...codes].sort(compare);
}
