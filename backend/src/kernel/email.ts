import { z } from 'zod';

/** Takes ASCII only. */
const emailSchema = z.email().max(254);

/**
 * The one spelling under which we know an address, undefined for what is none. Checked before it is lowered: lower
 * case turns letters of other scripts into ASCII ones (the Kelvin sign into k), and two addresses would become one.
 */
export function readEmail(typed: string): string | undefined {
  return emailSchema.safeParse(typed.trim()).data?.toLowerCase();
}
