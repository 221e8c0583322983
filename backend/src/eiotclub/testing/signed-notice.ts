import { parseLossless } from '../lossless-json.ts';
import { type Parameters, signNotification } from '../signature.ts';

/** A notification as the carrier would send it. */
export function signedNotice(fields: Record<string, unknown>, secret: string): string {
  const json = JSON.stringify(fields);
  return JSON.stringify({ ...fields, sign: signNotification(parseLossless(json) as Parameters, secret) });
}
