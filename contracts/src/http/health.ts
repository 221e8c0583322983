import * as z from 'zod';
import { defineRoute } from './route.ts';

export const getHealth = defineRoute({
  operationId: 'getHealth',
  method: 'get',
  path: '/health',
  summary: 'Is the process alive',
  description: 'Asks nothing else; a failing answer means: restart it.',
  tag: 'Service',
  auth: 'public',
  example: { answer: { status: 'ok' } },
  responses: { 200: z.strictObject({ status: z.literal('ok') }) },
  errors: [],
});

export const readinessSchema = z.strictObject({
  status: z.enum(['ready', 'not_ready']),
  checks: z
    .record(z.string(), z.string())
    .describe('By name of the part: `ok`, or one sentence on what is wrong.'),
});

export const getReadiness = defineRoute({
  operationId: 'getReadiness',
  method: 'get',
  path: '/ready',
  summary: 'Can the process serve requests',
  description: 'Checks the database and its schema. A failing answer means: send traffic elsewhere.',
  tag: 'Service',
  auth: 'public',
  example: { answer: { status: 'ready', checks: { database: 'ok' } } },
  responses: { 200: readinessSchema, 503: readinessSchema },
  errors: [],
});
