/** The part of JSON Schema 2020-12 that our OpenAPI document uses. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  enum?: readonly unknown[];
  const?: unknown;
  pattern?: string;
  format?: string;
  properties?: Record<string, JsonSchema>;
  required?: readonly string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  anyOf?: readonly JsonSchema[];
  oneOf?: readonly JsonSchema[];
  [keyword: string]: unknown;
}

/** A value that was valid before and may be refused now. */
export interface Narrowing {
  /** Dotted path inside the value, empty for the whole. */
  path: string;
  problem: string;
}

export interface Reading {
  /** Resolves `$ref`s of the two documents. */
  resolveBefore(ref: string): JsonSchema;
  resolveAfter(ref: string): JsonSchema;
  /**
   * Who sends the value. A server answers what clients read: they pass over properties that they do not know, and
   * `before` is what the new server may answer.
   */
  sentBy: 'client' | 'server';
}

/** The same fact as each side sees it. */
const wordings = {
  client: {
    type: (types: string) => `is no longer ${types}`,
    value: (values: string) => `is no longer ${values}`,
    required: 'is required now',
    bound: (bound: string) => `has a tighter ${bound}`,
    form: (form: string) => `has a new ${form}`,
  },
  server: {
    type: (types: string) => `may be ${types} now`,
    value: (values: string) => `may be ${values} now`,
    required: 'may be missing now',
    bound: (bound: string) => `may go beyond its ${bound}`,
    form: (form: string) => `may not have its ${form} any more`,
  },
};

/**
 * Where `after` is narrower than `before`: an empty list means that all that was valid still is. It may find too much
 * (two patterns are compared as texts), never too little for the keywords above.
 */
export function narrowings(before: JsonSchema, after: JsonSchema, reading: Reading, path = ''): Narrowing[] {
  const old = before.$ref === undefined ? before : reading.resolveBefore(before.$ref);
  const now = after.$ref === undefined ? after : reading.resolveAfter(after.$ref);
  const choices = old.anyOf ?? old.oneOf;
  if (choices) return choices.flatMap((choice) => narrowings(choice, now, reading, path));
  const options = now.anyOf ?? now.oneOf;
  if (options) {
    const attempts = options.map((option) => narrowings(old, option, reading, path));
    return attempts.find((found) => found.length === 0) ?? closest(attempts);
  }
  return [
    ...valueNarrowings(old, now, reading, path),
    ...boundNarrowings(old, now, reading, path),
    ...objectNarrowings(old, now, reading, path),
    ...(old.items && now.items ? narrowings(old.items, now.items, reading, `${path}[]`) : []),
  ];
}

/** What to tell of a union that takes it no more: the branch that fails least. */
function closest(attempts: readonly Narrowing[][]): Narrowing[] {
  return [...attempts].sort((a, b) => a.length - b.length)[0] ?? [];
}

function valueNarrowings(old: JsonSchema, now: JsonSchema, { sentBy }: Reading, path: string): Narrowing[] {
  const problems: Narrowing[] = [];
  const wording = wordings[sentBy];
  const lostTypes = typesOf(old).filter((type) => !accepts(typesOf(now), type));
  if (now.type !== undefined && (old.type === undefined || lostTypes.length > 0))
    problems.push({
      path,
      problem: wording.type(old.type === undefined ? 'of any type' : lostTypes.join(' or ')),
    });
  const allowed = valuesOf(now);
  if (allowed) {
    const lost = valuesOf(old)?.filter((value) => !allowed.includes(value));
    if (lost === undefined)
      problems.push({ path, problem: wording.value(`other than ${allowed.join(', ')}`) });
    else if (lost.length > 0) problems.push({ path, problem: wording.value(lost.join(', ')) });
  }
  for (const keyword of ['pattern', 'format'] as const)
    if (now[keyword] !== undefined && now[keyword] !== old[keyword] && valuesOf(old) === undefined)
      problems.push({ path, problem: wording.form(`${keyword}: ${now[keyword]}`) });
  return problems;
}

function typesOf({ type }: JsonSchema): string[] {
  return type === undefined ? [] : [type].flat();
}

function accepts(types: readonly string[], type: string): boolean {
  return types.includes(type) || (type === 'integer' && types.includes('number'));
}

function valuesOf(schema: JsonSchema): readonly unknown[] | undefined {
  return schema.const === undefined ? schema.enum : [schema.const];
}

const lowerBounds = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const upperBounds = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];

function boundNarrowings(old: JsonSchema, now: JsonSchema, { sentBy }: Reading, path: string): Narrowing[] {
  // The values themselves were compared.
  if (valuesOf(old)) return [];
  const tighter = (keyword: string, isTighter: (was: number, is: number) => boolean): boolean => {
    const [was, is] = [old[keyword], now[keyword]];
    return typeof is === 'number' && (typeof was !== 'number' || isTighter(was, is));
  };
  return [
    ...lowerBounds.filter((keyword) => tighter(keyword, (was, is) => is > was)),
    ...upperBounds.filter((keyword) => tighter(keyword, (was, is) => is < was)),
  ].map((keyword) => ({ path, problem: wordings[sentBy].bound(`${keyword}: ${now[keyword]}`) }));
}

function objectNarrowings(old: JsonSchema, now: JsonSchema, reading: Reading, path: string): Narrowing[] {
  const problems: Narrowing[] = [];
  const wasRequired = new Set(old.required);
  for (const name of now.required ?? [])
    if (!wasRequired.has(name))
      problems.push({ path: join(path, name), problem: wordings[reading.sentBy].required });
  for (const [name, property] of Object.entries(old.properties ?? {})) {
    const present = now.properties?.[name] ?? additionalOf(now);
    if (present) problems.push(...narrowings(property, present, reading, join(path, name)));
    else if (now.additionalProperties === false && reading.sentBy === 'client')
      problems.push({ path: join(path, name), problem: 'is gone' });
  }
  const others = additionalOf(old);
  const othersNow = additionalOf(now);
  if (others && othersNow) problems.push(...narrowings(others, othersNow, reading, join(path, '*')));
  return problems;
}

function additionalOf({ additionalProperties }: JsonSchema): JsonSchema | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
