import type { FieldProblem } from '@aovis/contracts/http/common';
import type { z } from 'zod';
import { AppError } from '../kernel/errors.ts';

/**
 * `value` as the schema understands it; without a schema there is nothing to take.
 * @throws AppError invalid_request naming each field
 */
export function parsePart(
  schema: z.ZodType | undefined,
  part: 'params' | 'query' | 'body',
  value: unknown,
): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new AppError('invalid_request', {
    details: result.error.issues.flatMap((issue) => problemsOf(issue, part)),
  });
}

function problemsOf(issue: z.core.$ZodIssue, part: string): FieldProblem[] {
  const path = [part, ...issue.path.map(String)].join('.');
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({ path: `${path}.${key}`, message: 'Unknown field' }));
}
