import * as z from 'zod';

/** The answer to a webhook. `duplicate`: taken before. `ignored`: not a matter of this endpoint. */
export const webhookReceivedSchema = z.strictObject({
  received: z.literal(true),
  duplicate: z.literal(true).optional(),
  ignored: z.literal(true).optional(),
});
export type WebhookReceived = z.infer<typeof webhookReceivedSchema>;

/** `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<raw body>">` (docs.stripe.com/webhooks/signature). */
export const stripeSignatureHeader = 'Stripe-Signature';

/**
 * The envelope of a Stripe event (docs.stripe.com/api/events/object). Stripe's document, so unknown keys pass; what
 * `data.object` holds depends on the type.
 */
export const stripeEventSchema = z.looseObject({
  id: z.string().regex(/^evt_\w{1,250}$/),
  type: z.string().regex(/^[a-z0-9_.]{1,128}$/),
  created: z.int().nonnegative().describe('Unix seconds.'),
  livemode: z.boolean(),
  data: z.looseObject({ object: z.record(z.string(), z.json()) }),
});
export type StripeEvent = z.infer<typeof stripeEventSchema>;
