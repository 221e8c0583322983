import { type JsonSchema, type Narrowing, narrowings, type Reading } from './schema-narrowing.ts';

/** The part of an OpenAPI 3.1 document that clients depend on. */
export interface ApiDocument {
  paths: Record<string, Partial<Record<string, Operation>>>;
  components?: { schemas?: Record<string, JsonSchema> };
}

interface Operation {
  operationId?: string;
  security?: Record<string, unknown>[];
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema?: JsonSchema }> };
  responses: Record<string, { content?: Record<string, { schema?: JsonSchema }> }>;
}

type Parameter = { name: string; in: string; required?: boolean; schema?: JsonSchema } | { $ref: string };
type NamedParameter = Exclude<Parameter, { $ref: string }>;

const methods = ['get', 'put', 'post', 'delete', 'patch'] as const;

/**
 * Why a client written for `before` may fail with `after`, a sentence each: something it calls is gone, a request it
 * sends would be refused, or an answer has not what it reads. New routes, optional fields, error codes and answer
 * fields break nobody (clients pass over what they do not know, as the API's introduction tells them).
 */
export function breakingChanges(before: ApiDocument, after: ApiDocument): string[] {
  return Object.entries(before.paths).flatMap(([path, operations]) =>
    methods.flatMap((method) => {
      const old = operations[method];
      if (old === undefined) return [];
      const name = `${method.toUpperCase()} ${path}`;
      const now = after.paths[path]?.[method];
      if (now === undefined) return [`${name} is gone`];
      return operationChanges(old, now, before, after).map((problem) => `${name}: ${problem}`);
    }),
  );
}

function operationChanges(old: Operation, now: Operation, before: ApiDocument, after: ApiDocument): string[] {
  const reading = {
    resolveBefore: (ref: string) => resolve(before, ref),
    resolveAfter: (ref: string) => resolve(after, ref),
  };
  return [
    ...securityChanges(old, now),
    ...parameterChanges(old, now, { ...reading, sentBy: 'client' }),
    ...bodyChanges(old, now, { ...reading, sentBy: 'client' }),
    ...answerChanges(old, now, {
      // Answers of the new server are read by old clients: the directions change places.
      resolveBefore: reading.resolveAfter,
      resolveAfter: reading.resolveBefore,
      sentBy: 'server',
    }),
  ];
}

function securityChanges(old: Operation, now: Operation): string[] {
  const schemesOf = ({ security = [] }: Operation): string[] =>
    security.length === 0 ? [''] : security.map((scheme) => Object.keys(scheme).sort().join('+'));
  const schemes = schemesOf(now);
  return schemesOf(old)
    .filter((scheme) => !schemes.includes(scheme) && !schemes.includes(''))
    .map((scheme) => (scheme === '' ? 'now needs a sign-in' : `no longer takes ${scheme}`));
}

function parameterChanges(old: Operation, now: Operation, reading: Reading): string[] {
  const isNamed = (parameter: Parameter): parameter is NamedParameter => !('$ref' in parameter);
  const was = (old.parameters ?? []).filter(isNamed);
  const is = (now.parameters ?? []).filter(isNamed);
  const same = (a: NamedParameter) => (b: NamedParameter) => a.name === b.name && a.in === b.in;
  return [
    ...is
      .filter((parameter) => parameter.required && !was.find(same(parameter))?.required)
      .map((parameter) => `${parameter.in} parameter ${parameter.name} is required now`),
    ...was.flatMap((parameter) => {
      const present = is.find(same(parameter));
      if (present === undefined) return [`${parameter.in} parameter ${parameter.name} is gone`];
      return sentences(
        narrowings(parameter.schema ?? {}, present.schema ?? {}, reading),
        `${parameter.in} parameter ${parameter.name}`,
      );
    }),
  ];
}

function bodyChanges(old: Operation, now: Operation, reading: Reading): string[] {
  if (old.requestBody === undefined) return now.requestBody?.required ? ['a body is required now'] : [];
  const present = now.requestBody;
  if (present === undefined) return ['takes no body any more'];
  return [
    ...(present.required && !old.requestBody.required ? ['a body is required now'] : []),
    ...contentChanges(old.requestBody.content, present.content, (was, is) =>
      sentences(narrowings(was, is, reading), 'request body'),
    ),
  ];
}

function answerChanges(old: Operation, now: Operation, reading: Reading): string[] {
  const successes = Object.entries(old.responses).filter(([status]) => status.startsWith('2'));
  return successes.flatMap(([status, answer]) => {
    const present = now.responses[status];
    if (present === undefined) return [`no longer answers ${status}`];
    return contentChanges(answer.content ?? {}, present.content ?? {}, (was, is) =>
      sentences(narrowings(is, was, reading), `answer ${status}`),
    );
  });
}

function contentChanges(
  old: Record<string, { schema?: JsonSchema }>,
  now: Record<string, { schema?: JsonSchema }>,
  compare: (was: JsonSchema, is: JsonSchema) => string[],
): string[] {
  return Object.entries(old).flatMap(([type, { schema }]) => {
    const present = now[type];
    if (present === undefined) return [`${type} is gone`];
    return compare(schema ?? {}, present.schema ?? {});
  });
}

function sentences(found: readonly Narrowing[], where: string): string[] {
  return found.map(({ path, problem }) => `${where}${path === '' ? '' : ` ${path}`} ${problem}`);
}

function resolve(document: ApiDocument, ref: string): JsonSchema {
  const schema = document.components?.schemas?.[ref.replace('#/components/schemas/', '')];
  if (schema === undefined) throw new Error(`${ref} is not in the document`);
  return schema;
}
