import * as z from 'zod';

export const instantSchema = z.iso.datetime();

const plain = (text: string): boolean => text.isWellFormed() && !/\p{Cc}/u.test(text);

/** Text of one line, as somebody types it into a form. */
export const lineSchema = (max: number) =>
  z.string().min(1).max(max).refine(plain, 'text holds no control characters');

/** Why a member of staff does something: goes into the audit log, so no personal data. */
export const reasonSchema = z
  .string()
  .trim()
  .min(3)
  .max(200)
  .refine(plain, 'a reason holds no control characters');

/** Any text passes: what names nothing is a 404 like everything that does not exist. */
export const idParams = z.strictObject({ id: z.string().min(1).max(128) });

export const onceHeader = {
  'Idempotency-Key': {
    description: 'The same key and body within a day do it once, and get the same answer.',
    example: '"9d5a3c1e-70f8-4f5b-8d3c-2f4b6a1c0e7d"',
  },
} as const;
/** What a request with that header may be answered. */
export const onceErrors = ['idempotency_key_reused', 'idempotency_in_progress'] as const;

export const exampleUserId = '6f1c2a50-8d1e-4f7b-9c3a-2b7d5e9f0a14';
export const exampleOrderId = '5e0f0f2c-7f0f-4f0e-8a53-6d9c1b7e2a90';
