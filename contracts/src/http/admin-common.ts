import * as z from 'zod';

export const instantSchema = z.iso.datetime();

/** Why a member of staff does something: goes into the audit log, so no personal data. */
export const reasonSchema = z
  .string()
  .trim()
  .min(3)
  .max(200)
  .refine(
    (reason) => reason.isWellFormed() && !/\p{Cc}/u.test(reason),
    'a reason holds no control characters',
  );

/** Any text passes: what names nothing is a 404 like everything that does not exist. */
export const idParams = z.strictObject({ id: z.string().min(1).max(128) });
export const exampleUserId = '6f1c2a50-8d1e-4f7b-9c3a-2b7d5e9f0a14';
export const exampleOrderId = '5e0f0f2c-7f0f-4f0e-8a53-6d9c1b7e2a90';
