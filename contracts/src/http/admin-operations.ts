import * as z from 'zod';
import { idParams, instantSchema, lineSchema, reasonSchema } from './admin-common.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute } from './route.ts';

const filter = lineSchema(128).optional();

export const auditEntrySchema = z.strictObject({
  seq: z.string(),
  at: instantSchema,
  action: z.string(),
  actor_kind: z.string(),
  actor_id: z.string().nullable(),
  subject_kind: z.string(),
  subject_id: z.string().nullable(),
  outcome: z.enum(['ok', 'refused', 'failed']),
  details: z.record(z.string(), z.json()),
  request_id: z.string().nullable(),
});
export type AuditEntryView = z.infer<typeof auditEntrySchema>;

export const searchAudit = defineRoute({
  operationId: 'adminSearchAudit',
  method: 'get',
  path: '/api/admin/audit',
  summary: 'Search the audit log',
  description: 'Newest first. All that is given must fit.',
  tag: 'Staff',
  auth: { role: 'support' },
  query: z.strictObject({
    ...pageQuery,
    actor_id: filter,
    subject_kind: filter,
    subject_id: filter,
    action: filter,
    outcome: z.enum(['ok', 'refused', 'failed']).optional(),
    request_id: filter,
    from: z.iso.datetime({ offset: true }).optional(),
    to: z.iso.datetime({ offset: true }).optional(),
  }),
  example: {
    query: { subject_kind: 'device', subject_id: 'aovis-n4k-000123' },
    answer: {
      entries: [
        {
          seq: '4711',
          at: '2026-11-20T11:40:00.000Z',
          action: 'device.activate',
          actor_kind: 'user',
          actor_id: '6f1c2a50-8d1e-4f7b-9c3a-2b7d5e9f0a14',
          subject_kind: 'device',
          subject_id: 'aovis-n4k-000123',
          outcome: 'ok',
          details: { epoch: 1 },
          request_id: '5f3c9a52-1c64-4c0e-9f57-0f6a3f0d2b11',
        },
      ],
      next_cursor: null,
    },
  },
  responses: { 200: z.strictObject({ entries: z.array(auditEntrySchema), next_cursor: nextCursorSchema }) },
  errors: [],
});

export const deadLetterSchema = z.strictObject({
  id: z.string(),
  topic: z.string(),
  key: z.string(),
  payload: z.json().describe('Without what looks like a secret.'),
  attempts: z.int().nonnegative(),
  last_error: z.string().nullable(),
  request_id: z.string().nullable(),
  created_at: instantSchema,
  dead_at: instantSchema,
});
export type DeadLetterView = z.infer<typeof deadLetterSchema>;

const exampleDeadLetter: DeadLetterView = {
  id: '812',
  topic: 'order.confirm',
  key: 'order:5e0f0f2c-7f0f-4f0e-8a53-6d9c1b7e2a90',
  payload: { order_id: '5e0f0f2c-7f0f-4f0e-8a53-6d9c1b7e2a90' },
  attempts: 12,
  last_error: 'the mail server does not answer',
  request_id: null,
  created_at: '2026-11-20T11:40:00.000Z',
  dead_at: '2026-11-20T12:15:00.000Z',
};

export const listDeadLetters = defineRoute({
  operationId: 'adminListDeadLetters',
  method: 'get',
  path: '/api/admin/dead-letters',
  summary: 'List what the outbox gave up',
  description: 'Newest first.',
  tag: 'Staff',
  auth: { role: 'support' },
  query: z.strictObject({ ...pageQuery }),
  example: {
    query: { limit: 50 },
    answer: { dead_letters: [exampleDeadLetter], next_cursor: null },
  },
  responses: {
    200: z.strictObject({ dead_letters: z.array(deadLetterSchema), next_cursor: nextCursorSchema }),
  },
  errors: [],
});

export const getDeadLetter = defineRoute({
  operationId: 'adminGetDeadLetter',
  method: 'get',
  path: '/api/admin/dead-letters/{id}',
  summary: 'See a given-up message',
  tag: 'Staff',
  auth: { role: 'support' },
  params: idParams,
  example: { params: { id: '812' }, answer: exampleDeadLetter },
  responses: { 200: deadLetterSchema },
  errors: ['dead_letter_not_found'],
});

export const reviveDeadLetter = defineRoute({
  operationId: 'adminReviveDeadLetter',
  method: 'post',
  path: '/api/admin/dead-letters/{id}/revive',
  summary: 'Try a given-up message again',
  tag: 'Staff',
  auth: { role: 'admin' },
  params: idParams,
  body: z.strictObject({ reason: reasonSchema }),
  example: { params: { id: '812' }, body: { reason: 'the mail server is back' }, answer: { revived: true } },
  responses: { 200: z.strictObject({ revived: z.literal(true) }) },
  errors: ['dead_letter_not_found'],
});

export const discardDeadLetter = defineRoute({
  operationId: 'adminDiscardDeadLetter',
  method: 'post',
  path: '/api/admin/dead-letters/{id}/discard',
  summary: 'Remove a given-up message for good',
  tag: 'Staff',
  auth: { role: 'admin' },
  params: idParams,
  body: z.strictObject({ reason: reasonSchema }),
  example: { params: { id: '812' }, body: { reason: 'the address is gone' }, answer: { discarded: true } },
  responses: { 200: z.strictObject({ discarded: z.literal(true) }) },
  errors: ['dead_letter_not_found'],
});

export const jobSchema = z.strictObject({
  name: z.string(),
  next_run_at: instantSchema,
  running: z.boolean(),
  failures: z.int().nonnegative().describe('In a row.'),
  last_started_at: instantSchema.nullable(),
  last_finished_at: instantSchema.nullable(),
  last_result: z.record(z.string(), z.number()).nullable(),
  last_error: z.string().nullable(),
});

export const listJobs = defineRoute({
  operationId: 'adminListJobs',
  method: 'get',
  path: '/api/admin/jobs',
  summary: 'See the scheduled jobs',
  description: 'By name; they are few, so there is one page.',
  tag: 'Staff',
  auth: { role: 'support' },
  example: {
    answer: {
      jobs: [
        {
          name: 'data-plans.reconcile',
          next_run_at: '2026-11-20T12:05:00.000Z',
          running: false,
          failures: 0,
          last_started_at: '2026-11-20T12:00:00.000Z',
          last_finished_at: '2026-11-20T12:00:00.120Z',
          last_result: { refreshed: 2 },
          last_error: null,
        },
      ],
    },
  },
  responses: { 200: z.strictObject({ jobs: z.array(jobSchema) }) },
  errors: [],
});
