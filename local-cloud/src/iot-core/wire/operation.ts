import { z } from 'zod';
import type { AwsOperation, AwsRequest } from '../../kernel/aws-server.ts';
import { invalidRequest } from '../errors.ts';

/** Headers that carry input of an operation, and the members they stand for. */
const headerMembers: Record<string, string> = {
  'x-amzn-principal': 'principal',
  'x-amzn-iot-principal': 'principal',
  'x-amzn-iot-policy': 'policyName',
};

/**
 * One operation of the control plane. Its input is a single structure whose members lie in the path, the query, a few
 * headers and the body; what `handle` returns is the JSON answer.
 */
export function operation<T extends z.ZodType>(
  name: string,
  method: AwsOperation['method'],
  path: string,
  input: T,
  handle: (input: z.output<T>) => unknown,
): AwsOperation {
  return {
    name,
    method,
    path,
    handle: async (request) => ({ json: (await handle(parse(input, membersOf(request)))) ?? {} }),
  };
}

function membersOf(request: AwsRequest): Record<string, unknown> {
  const members: Record<string, unknown> = { ...request.json() };
  for (const [header, member] of Object.entries(headerMembers))
    if (request.headers[header] !== undefined) members[member] = request.headers[header];
  for (const [name, value] of request.query) members[name] = value;
  return { ...members, ...request.params };
}

function parse<T extends z.ZodType>(schema: T, members: Record<string, unknown>): z.output<T> {
  const parsed = schema.safeParse(members);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const texts = issues.map(
    (issue) => `Value at '${issue.path.join('.')}' failed to satisfy constraint: ${issue.message}`,
  );
  throw invalidRequest(
    `${issues.length} validation error${issues.length > 1 ? 's' : ''} detected: ${texts.join('; ')}`,
  );
}

/** Members of the API's names; patterns and lengths of the AWS IoT API reference. */
export const thingName = named(/^[a-zA-Z0-9:_-]{1,128}$/, '[a-zA-Z0-9:_-]+, at most 128');
export const policyName = named(/^[\w+=,.@-]{1,128}$/, '[\\w+=,.@-]+, at most 128');
export const certificateId = named(/^(0x)?[a-fA-F0-9]{64}$/, '(0x)?[a-fA-F0-9]+, 64').transform((id) =>
  id.replace(/^0x/, '').toLowerCase(),
);
export const roleAliasName = named(/^[\w=,@-]{1,128}$/, '[\\w=,@-]+, at most 128');
export const roleArn = z.string().min(20).max(2048);
export const arn = z.string().min(1).max(2048);
export const attributes = z.record(
  named(/^[a-zA-Z0-9_.,@/:#=[\]-]{1,128}$/, '[a-zA-Z0-9_.,@/:#=\\[\\]-]+, at most 128'),
  named(/^[a-zA-Z0-9_.,@/:#=[\]-]{0,800}$/, '[a-zA-Z0-9_.,@/:#=\\[\\]-]*, at most 800'),
);
/** `true` in a body, `"true"` in a query. */
export const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);
export const count = z.coerce.number().int().min(0);
export const tags = z
  .array(z.object({ Key: z.string().min(1).max(128), Value: z.string().max(256) }))
  .max(50);

function named(pattern: RegExp, words: string) {
  return z
    .string({ error: 'Member must not be null' })
    .regex(pattern, `Member must satisfy regular expression pattern: ${words}`);
}

/** Seconds since the epoch with the milliseconds behind the point, as AWS writes times. */
export function seconds(milliseconds: number): number {
  return milliseconds / 1000;
}
