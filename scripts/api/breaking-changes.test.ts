import { describe, expect, it } from '@jest/globals';
import document from '../../docs/openapi.json' with { type: 'json' };
import { type ApiDocument, breakingChanges } from './breaking-changes.ts';
import type { JsonSchema } from './schema-narrowing.ts';

const api = document as unknown as ApiDocument;
const name: JsonSchema = { type: 'string', minLength: 1, maxLength: 64 };
const thing: JsonSchema = {
  type: 'object',
  properties: { name, color: { type: 'string', enum: ['red', 'blue'] } },
  required: ['name'],
  additionalProperties: false,
};

type Operation = NonNullable<ApiDocument['paths'][string][string]>;

const operation: Operation = {
  parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer', maximum: 100 } }],
  requestBody: { required: true, content: { 'application/json': { schema: thing } } },
  responses: { 200: { content: { 'application/json': { schema: thing } } } },
};
const of = (change: Partial<Operation> | undefined): ApiDocument => ({
  paths: { '/api/things': change === undefined ? {} : { post: { ...operation, ...change } } },
  components: { schemas: { Thing: thing } },
});
const taking = (schema: JsonSchema): Partial<Operation> => ({
  requestBody: { required: true, content: { 'application/json': { schema } } },
});
const answering = (schema: JsonSchema): Partial<Operation> => ({
  responses: { 200: { content: { 'application/json': { schema } } } },
});
const withProperty = (property: string, schema: JsonSchema, required = ['name']): JsonSchema => ({
  ...thing,
  required,
  properties: { ...thing.properties, [property]: schema },
});

describe('breaks clients', () => {
  it.each<[string, Partial<Operation> | undefined, string]>([
    ['a route that is gone', undefined, 'is gone'],
    ['a sign-in', { security: [{ bearer: [] }] }, 'now needs a sign-in'],
    ['a parameter less', { parameters: [] }, 'query parameter limit is gone'],
    [
      'a parameter that must be',
      { parameters: [{ name: 'since', in: 'query', required: true }, ...(operation.parameters ?? [])] },
      'query parameter since is required now',
    ],
    [
      'a tighter parameter',
      { parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer', maximum: 50 } }] },
      'query parameter limit has a tighter maximum: 50',
    ],
    [
      'a field that must be sent',
      taking({ ...thing, required: ['name', 'color'] }),
      'request body color is required now',
    ],
    [
      'a field that is not taken any more',
      taking({ ...thing, properties: { name } }),
      'request body color is gone',
    ],
    [
      'a value less',
      taking(withProperty('color', { type: 'string', enum: ['red'] })),
      'color is no longer blue',
    ],
    [
      'a shorter text',
      taking(withProperty('name', { ...name, maxLength: 20 })),
      'name has a tighter maxLength: 20',
    ],
    ['a form', taking(withProperty('name', { ...name, pattern: '^[a-z]+$' })), 'name has a new pattern'],
    ['another type', taking(withProperty('name', { type: 'integer' })), 'name is no longer string'],
    ['an answer that is gone', { responses: { 202: {} } }, 'no longer answers 200'],
    [
      'a field that is not answered',
      answering({ ...thing, properties: {}, required: [] }),
      'answer 200 name may be missing now',
    ],
    [
      'a field that may be null now',
      answering(withProperty('name', { ...name, type: ['string', 'null'] })),
      'answer 200 name may be null now',
    ],
    [
      'a new value of an answered field',
      answering(withProperty('color', { type: 'string', enum: ['red', 'blue', 'green'] })),
      'answer 200 color may be green now',
    ],
    [
      'a union that lost a branch',
      taking({ anyOf: [{ type: 'string' }, { type: 'null' }] }),
      'request body is no longer object',
    ],
  ])('%s', (_what, change, problem) => {
    expect(breakingChanges(of({}), of(change))).toEqual([expect.stringContaining(problem)]);
  });
});

describe('breaks nobody', () => {
  it.each<[string, Partial<Operation>]>([
    ['an optional field', taking(withProperty('size', { type: 'integer' }))],
    ['a looser bound', taking(withProperty('name', { type: 'string', maxLength: 200 }))],
    [
      'a new value to send',
      taking(withProperty('color', { type: 'string', enum: ['red', 'blue', 'green'] })),
    ],
    ['a field more in the answer', answering(withProperty('size', { type: 'integer' }, ['name', 'size']))],
    ['a reference instead of the schema itself', answering({ $ref: '#/components/schemas/Thing' })],
    [
      'an optional parameter',
      { parameters: [...(operation.parameters ?? []), { name: 'since', in: 'query' }] },
    ],
    ['a wider union', taking({ anyOf: [thing, { type: 'null' }] })],
    ['a refusal more', { responses: { ...operation.responses, 409: {} } }],
  ])('%s', (_what, change) => {
    expect(breakingChanges(of({}), of(change))).toEqual([]);
  });

  it('the present document against itself', () => {
    expect(breakingChanges(api, api)).toEqual([]);
  });
});
