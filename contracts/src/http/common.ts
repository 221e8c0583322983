import * as z from 'zod';
import { type ErrorCode, errorCodes } from '../error-codes.ts';

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];
export const errorCodeSchema = z.enum(codes);

export const requestIdHeader = 'X-Request-Id';
export const requestIdSchema = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/);

/** One thing wrong with a request: where, as a dotted path beginning with `params`, `query` or `body`, and what. */
export const fieldProblemSchema = z.strictObject({ path: z.string(), message: z.string() });
export type FieldProblem = z.infer<typeof fieldProblemSchema>;

const detailsSchema = z.union([z.record(z.string(), z.json()), z.array(fieldProblemSchema)]);

/** Every refusal. `details` depends on the code; for `invalid_request` and `missing_fields` it names each field. */
export const errorBodySchema = z.strictObject({
  error: z.strictObject({
    code: errorCodeSchema,
    message: z.string(),
    request_id: requestIdSchema,
    details: detailsSchema.optional(),
  }),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;

/** The same refusal as RFC 9457 problem details, when `Accept` prefers `application/problem+json`. */
export const problemBodySchema = z.strictObject({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: errorCodeSchema,
  request_id: requestIdSchema,
  details: detailsSchema.optional(),
});
export type ProblemBody = z.infer<typeof problemBodySchema>;
