import { z } from 'zod';
import type { CheckoutSession, Payer } from './objects.ts';
import type { Attempt } from './payments.ts';

/** The fields of the pay page as they were typed. */
export type PayForm = Readonly<Record<string, string>>;

export type PayRequest =
  | { ok: true; attempt: Attempt; payer: Payer }
  /** `problems` by field, as sentences. */
  | { ok: false; problems: Record<string, string> };

const attemptSchema = z.enum(['card', 'declined', 'debit']);

/** Reads the form; what the session asks for beyond name and e-mail must be there too. */
export function readPayForm(session: CheckoutSession, form: PayForm): PayRequest {
  const problems: Record<string, string> = {};
  const typed = (name: string): string => (form[name] ?? '').trim();
  const need = (name: string, sentence: string): string => {
    const value = typed(name);
    if (value === '' || value.length > 200) problems[name] = sentence;
    return value;
  };
  const email = typed('email');
  if (!z.email().safeParse(email).success)
    problems['email'] = 'Enter your e-mail address, like name@example.com.';
  const name = need('name', 'Enter your name.');
  const phone = session.phone_number_collection.enabled ? need('phone', 'Enter your phone number.') : null;
  const countries = session.shipping_address_collection?.allowed_countries;
  const country = typed('country');
  if (countries !== undefined && !countries.includes(country))
    problems['country'] = 'Choose one of the countries.';
  const address =
    countries === undefined
      ? null
      : {
          line1: need('line1', 'Enter street and number.'),
          line2: null,
          postal_code: need('postal_code', 'Enter the postal code.'),
          city: need('city', 'Enter the city.'),
          state: typed('state') || null,
          country,
        };
  const attempt = attemptSchema.safeParse(form['action'] ?? 'card');
  if (!attempt.success) problems['action'] = 'Choose one of the buttons.';
  if (Object.keys(problems).length > 0 || !attempt.success) return { ok: false, problems };
  return { ok: true, attempt: attempt.data, payer: { email, name, phone, address } };
}
