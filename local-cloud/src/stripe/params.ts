import { z } from 'zod';

/** Methods that settle at once, and those that take days. */
export const methodTypes = ['card', 'us_bank_account'] as const;
export type MethodType = (typeof methodTypes)[number];

export const refundReasons = ['duplicate', 'fraudulent', 'requested_by_customer'] as const;
export type RefundReason = (typeof refundReasons)[number];

const text = (max = 5000) => z.string().min(1, 'You passed an empty string').max(max);
const integer = z
  .string()
  .regex(/^-?\d{1,15}$/, 'must be an integer')
  .transform(Number);
const flag = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((value) => value === 'true');
/** The form's lists are objects with indices; see `form.ts`. */
const list = <T extends z.ZodType>(item: T) =>
  z.preprocess(
    (value) => (typeof value === 'object' && value !== null ? Object.values(value) : value),
    z.array(item).min(1).max(100),
  );

const metadata = z
  .record(z.string().max(40), z.string().max(500))
  .refine((pairs) => Object.keys(pairs).length <= 50, 'takes 50 keys at most')
  .transform((pairs) => Object.fromEntries(Object.entries(pairs).filter(([, value]) => value !== '')));

const priceData = z.strictObject({
  currency: z
    .string()
    .regex(/^[a-zA-Z]{3}$/, 'must be a three-letter ISO code')
    .transform((code) => code.toLowerCase()),
  unit_amount: integer.refine((amount) => amount >= 0, 'must be at least 0'),
  product_data: z.strictObject({
    name: text(),
    description: text().optional(),
    images: list(z.string()).optional(),
    metadata: metadata.optional(),
    tax_code: text().optional(),
  }),
  tax_behavior: z.enum(['exclusive', 'inclusive', 'unspecified']).optional(),
});

const expand = list(z.string()).optional();

/** The redirect targets; only http and https make sense on a hosted page. */
const url = z.url({ protocol: /^https?$/, error: 'Not a valid URL' });

export const checkoutParams = z.strictObject({
  mode: z.literal('payment', 'the stand-in knows the mode payment only'),
  line_items: list(
    z.strictObject({
      price_data: priceData,
      quantity: integer.refine((n) => n >= 1 && n <= 999_999, 'must be from 1 to 999999'),
      metadata: metadata.optional(),
    }),
  ),
  success_url: url,
  cancel_url: url.optional(),
  client_reference_id: text(200).optional(),
  customer_email: z.email('is not an e-mail address').optional(),
  customer_creation: z.enum(['always', 'if_required']).optional(),
  metadata: metadata.optional(),
  payment_intent_data: z
    .strictObject({
      description: text(1000).optional(),
      metadata: metadata.optional(),
      receipt_email: z.email().optional(),
      statement_descriptor: text(22).optional(),
      statement_descriptor_suffix: text(22).optional(),
    })
    .optional(),
  expires_at: integer.optional(),
  locale: text().optional(),
  submit_type: z.enum(['auto', 'book', 'donate', 'pay']).optional(),
  ui_mode: z.literal('hosted_page').optional(),
  allowed_payment_method_types: list(z.enum(methodTypes)).optional(),
  billing_address_collection: z.enum(['auto', 'required']).optional(),
  shipping_address_collection: z
    .strictObject({ allowed_countries: list(z.string().regex(/^[A-Z]{2}$/)) })
    .optional(),
  phone_number_collection: z.strictObject({ enabled: flag }).optional(),
  automatic_tax: z.strictObject({ enabled: z.literal('false', 'the stand-in computes no taxes') }).optional(),
  expand,
});
export type CheckoutParams = z.output<typeof checkoutParams>;

export const sessionUpdateParams = z.strictObject({ metadata: metadata.optional(), expand });

export const refundParams = z.strictObject({
  payment_intent: text().optional(),
  charge: text().optional(),
  amount: integer.optional(),
  reason: z.enum(refundReasons).optional(),
  metadata: metadata.optional(),
  expand,
});
export type RefundParams = z.output<typeof refundParams>;

export const expandParams = z.strictObject({ expand });

const range = z.union([
  integer.transform((at) => ({ gte: at, lte: at })),
  z.strictObject({
    gt: integer.optional(),
    gte: integer.optional(),
    lt: integer.optional(),
    lte: integer.optional(),
  }),
]);

/** What every list takes, and the filters of each. */
const page = {
  limit: integer.refine((n) => n >= 1 && n <= 100, 'must be from 1 to 100').default(10),
  starting_after: text().optional(),
  ending_before: text().optional(),
  created: range.optional(),
  expand,
};
export const listParams = {
  lineItems: z.strictObject(page),
  sessions: z.strictObject({
    ...page,
    payment_intent: text().optional(),
    status: z.enum(['complete', 'expired', 'open']).optional(),
    customer_details: z.strictObject({ email: text() }).optional(),
  }),
  paymentIntents: z.strictObject(page),
  charges: z.strictObject({ ...page, payment_intent: text().optional() }),
  refunds: z.strictObject({ ...page, payment_intent: text().optional(), charge: text().optional() }),
  disputes: z.strictObject({ ...page, payment_intent: text().optional(), charge: text().optional() }),
  events: z.strictObject({
    ...page,
    type: text().optional(),
    types: list(text()).optional(),
    delivery_success: flag.optional(),
  }),
};
export type Page = z.output<typeof listParams.lineItems>;
