import fc from 'fast-check';
import { z } from 'zod';

/** The keywords that `z.toJSONSchema` writes for our contracts. */
interface JsonSchema {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  $ref?: string;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
}

/** What breaks programs: characters that PostgreSQL refuses, numbers that JavaScript rounds, keys that pollute. */
export const hostileValues: readonly unknown[] = [
  null,
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'x\udfff',
  '\u202e\u200b',
  'İ@example.com',
  "' OR 1=1 --",
  '%00',
  '../../etc/passwd',
  '\r\nSet-Cookie: a=b',
  '\u001b[31m',
  'x'.repeat(5_000),
  '9'.repeat(400),
  '+275760-09-13T00:00:00.001Z',
  '0000-00-00T00:00:00Z',
  '9999-12-31T23:59:59Z',
  0,
  -0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53 + 2,
  8_640_000_000_000_001,
  1e308,
  5e-324,
  true,
  [],
  {},
  [[]],
  { toString: 1, constructor: { prototype: { admin: true } } },
  { length: 1e9 },
];

/** Values of the input side of a contract's schema, with something hostile in their place now and then. */
export function inputArbitrary(schema: z.ZodType): fc.Arbitrary<unknown> {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return arbitraryOf(json);
}

const anyJson = fc.jsonValue({ maxDepth: 2 });
const hostile = fc.constantFrom(...hostileValues);

function arbitraryOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: fittingArbitrary(schema) }, { weight: 1, arbitrary: hostile });
}

function fittingArbitrary(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map(arbitraryOf));
  switch (schema.type) {
    case 'object':
      return objectArbitrary(schema);
    case 'array':
      return fc.array(arbitraryOf(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 5, (schema.minItems ?? 0) + 5),
      });
    case 'string':
      return textArbitrary(schema);
    case 'integer':
    case 'number':
      return numberArbitrary(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case undefined:
    default:
      return anyJson;
  }
}

function objectArbitrary({ properties = {}, required = [], additionalProperties }: JsonSchema) {
  const named = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, arbitraryOf(schema)]),
  );
  const open = typeof additionalProperties === 'object';
  const rest = open
    ? fc.dictionary(fc.string({ maxLength: 8, unit: 'binary' }), arbitraryOf(additionalProperties))
    : fc.oneof(
        { weight: 20, arbitrary: fc.constant({}) },
        { weight: 1, arbitrary: fc.dictionary(fc.string(), anyJson, { maxKeys: 1 }) },
      );
  return fc
    .tuple(fc.record(named, { requiredKeys: required }), rest)
    .map(([known, others]) => ({ ...others, ...known }));
}

function textArbitrary({ format, pattern, minLength = 0, maxLength = 64 }: JsonSchema) {
  if (format === 'date-time')
    return fc.date({ noInvalidDate: true, min: new Date(0) }).map((date) => date.toISOString());
  if (format === 'uuid') return fc.uuid();
  // fast-check knows no character classes by property.
  if (pattern !== undefined && !pattern.includes('\\p{')) return fc.stringMatching(new RegExp(pattern));
  return fc.string({
    minLength,
    maxLength: Math.max(minLength, Math.min(maxLength, 64)),
    unit: fc.oneof(
      { weight: 20, arbitrary: fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' }) },
      fc.constantFrom('\0', '\ud800', '\u202e', '\n'),
    ),
  });
}

function numberArbitrary({ type, minimum, maximum }: JsonSchema) {
  const bounds = { min: minimum ?? -1e6, max: maximum ?? Number.MAX_SAFE_INTEGER };
  return type === 'integer'
    ? fc.integer(bounds)
    : fc.double({ ...bounds, noNaN: true, noDefaultInfinity: true });
}
