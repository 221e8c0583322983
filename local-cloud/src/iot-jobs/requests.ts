import { z } from 'zod';
import { JobError } from './job-error.ts';

/** AWS IoT API reference, StatusDetails: up to ten pairs. */
const statusDetails = z
  .record(z.string().regex(/^[a-zA-Z0-9:_-]{1,128}$/), z.string().regex(/^\P{C}{1,1024}$/u))
  .refine((details) => Object.keys(details).length <= 10, 'at most 10 pairs');
const stepMinutes = z.int().min(1).max(10_080);
const clientToken = z.string().refine((token) => Buffer.byteLength(token) <= 64, 'at most 64 bytes');

export const getPendingSchema = z.object({ clientToken: clientToken.optional() });
export const startNextSchema = getPendingSchema.extend({
  statusDetails: statusDetails.optional(),
  stepTimeoutInMinutes: stepMinutes.optional(),
});
export const describeSchema = getPendingSchema.extend({
  executionNumber: z.int().optional(),
  includeJobDocument: z.boolean().default(true),
});
export const updateSchema = getPendingSchema.extend({
  status: z.enum(['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED']),
  statusDetails: statusDetails.optional(),
  expectedVersion: z.int().optional(),
  executionNumber: z.int().optional(),
  includeJobExecutionState: z.boolean().default(false),
  includeJobDocument: z.boolean().default(false),
  stepTimeoutInMinutes: z.union([stepMinutes, z.literal(-1)]).optional(),
});

/** Reads a request's body; an empty one is `{}`. Throws JobError. */
export function parseRequest<T extends z.ZodType>(schema: T, payload: Uint8Array): z.output<T> {
  let body: unknown = {};
  try {
    if (payload.length > 0) body = JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    throw new JobError(
      'InvalidJson',
      'The contents of the request could not be interpreted as valid UTF-8 JSON',
    );
  }
  return checked(schema, body);
}

export function checked<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new JobError(
    'InvalidRequest',
    `${issue?.path.join('.') || 'request'}: ${issue?.message ?? 'is invalid'}`,
  );
}

/** The token of a request that is refused, when it can be read. */
export function tokenOf(payload: Uint8Array): string | undefined {
  try {
    return getPendingSchema.parse(JSON.parse(Buffer.from(payload).toString('utf8'))).clientToken;
  } catch {
    return undefined;
  }
}
