import { newId } from './ids.ts';
import { type CheckoutParams, type MethodType, methodTypes, type RefundReason } from './params.ts';

/** The API version whose shapes the objects have; `objects.test.ts` holds them against the types of the `stripe` package. */
export const apiVersion = '2026-10-28.endive';

export type Metadata = Record<string, string>;

export interface Address {
  city: string | null;
  country: string | null;
  line1: string | null;
  line2: string | null;
  postal_code: string | null;
  state: string | null;
}

/** What the payer typed on the pay page. */
export interface Payer {
  email: string;
  name: string;
  phone: string | null;
  address: Address | null;
}

export type CheckoutSession = ReturnType<typeof newSession>;
export type LineItem = ReturnType<typeof newLineItem>;
export type PaymentIntent = ReturnType<typeof newPaymentIntent>;
export type Charge = ReturnType<typeof newCharge>;
export type Refund = ReturnType<typeof newRefund>;
export type Dispute = ReturnType<typeof newDispute>;
export type StripeEvent = ReturnType<typeof newEvent>;
export type StripeObject = CheckoutSession | PaymentIntent | Charge | Refund | Dispute;

export function newSession(
  params: CheckoutParams,
  more: { created: number; baseUrl: string; amount: number; currency: string },
) {
  const id = newId('cs_test_a1', 56);
  return {
    id,
    object: 'checkout.session' as const,
    adaptive_pricing: { enabled: false },
    after_expiration: null,
    allow_promotion_codes: null,
    allowed_payment_method_types: params.allowed_payment_method_types ?? null,
    amount_subtotal: more.amount,
    amount_total: more.amount,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: params.billing_address_collection ?? null,
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    client_secret: null,
    collected_information: null as null | {
      business_name: null;
      individual_name: null;
      shipping_details: { address: Address; name: string } | null;
    },
    consent: null,
    consent_collection: null,
    created: more.created,
    currency: more.currency,
    currency_conversion: null,
    custom_fields: [],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: null,
    customer_account: null,
    customer_creation: params.customer_creation ?? ('if_required' as const),
    customer_details: (params.customer_email === undefined
      ? null
      : customerDetails({
          email: params.customer_email,
          name: null,
          phone: null,
          address: null,
        })) as ReturnType<typeof customerDetails> | null,
    customer_email: params.customer_email ?? null,
    discounts: [],
    expires_at: params.expires_at ?? more.created + 86_400,
    integration_identifier: null,
    invoice: null,
    invoice_creation: null,
    livemode: false,
    locale: params.locale ?? null,
    managed_payments: null,
    metadata: params.metadata ?? {},
    mode: 'payment' as const,
    origin_context: null,
    payment_intent: null as string | null,
    payment_link: null,
    payment_method_collection: 'if_required' as const,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: methodTypes.filter(
      (type) => params.allowed_payment_method_types?.includes(type) ?? true,
    ),
    payment_status: (more.amount === 0 ? 'no_payment_required' : 'unpaid') as
      | 'no_payment_required'
      | 'paid'
      | 'unpaid',
    permissions: null,
    phone_number_collection: { enabled: params.phone_number_collection?.enabled ?? false },
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: params.shipping_address_collection ?? null,
    shipping_cost: null,
    shipping_options: [],
    status: 'open' as 'complete' | 'expired' | 'open',
    submit_type: params.submit_type ?? null,
    subscription: null,
    success_url: params.success_url,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page' as const,
    url: `${more.baseUrl}/pay/${id}` as string | null,
    wallet_options: null,
  };
}

export function customerDetails(payer: {
  email: string;
  name: string | null;
  phone: string | null;
  address: Address | null;
}) {
  return {
    ...payer,
    business_name: null,
    individual_name: null,
    tax_exempt: 'none' as const,
    tax_ids: [],
  };
}

export function newLineItem(
  given: { quantity: number; metadata: Metadata },
  price: { currency: string; unitAmount: number; name: string; productMetadata?: Metadata },
  created: number,
) {
  const total = price.unitAmount * given.quantity;
  return {
    id: newId('li_1'),
    object: 'item' as const,
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: total,
    amount_tax: 0,
    amount_total: total,
    currency: price.currency,
    description: price.name,
    metadata: given.metadata,
    price: {
      id: newId('price_1'),
      object: 'price' as const,
      active: false,
      billing_scheme: 'per_unit' as const,
      created,
      currency: price.currency,
      custom_unit_amount: null,
      livemode: false,
      lookup_key: null,
      metadata: {},
      nickname: null,
      product: newId('prod_', 14),
      recurring: null,
      tax_behavior: 'unspecified' as const,
      tiers_mode: null,
      transform_quantity: null,
      type: 'one_time' as const,
      unit_amount: price.unitAmount,
      unit_amount_decimal: String(price.unitAmount),
    },
    quantity: given.quantity,
  };
}

export function newPaymentIntent(
  session: Pick<CheckoutSession, 'amount_total' | 'currency' | 'payment_method_types'>,
  data: NonNullable<CheckoutParams['payment_intent_data']>,
  created: number,
) {
  const id = newId('pi_3');
  return {
    id,
    object: 'payment_intent' as const,
    allowed_payment_method_types: null,
    amount: session.amount_total,
    amount_capturable: 0,
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async' as const,
    client_secret: `${id}_secret_${newId('')}`,
    confirmation_method: 'automatic' as const,
    created,
    currency: session.currency,
    customer: null,
    customer_account: null,
    description: data.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: null as null | {
      code: string;
      decline_code?: string;
      message: string;
      type: 'card_error' | 'invalid_request_error';
    },
    latest_charge: null as string | null,
    livemode: false,
    managed_payments: null,
    metadata: data.metadata ?? {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null as string | null,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: session.payment_method_types,
    payment_record: null,
    processing: null,
    receipt_email: data.receipt_email ?? null,
    review: null,
    setup_future_usage: null,
    shipping: null as Shipping | null,
    source: null,
    statement_descriptor: data.statement_descriptor ?? null,
    statement_descriptor_suffix: data.statement_descriptor_suffix ?? null,
    status: 'requires_payment_method' as 'canceled' | 'processing' | 'requires_payment_method' | 'succeeded',
    transfer_data: null,
    transfer_group: null,
  };
}

export interface Shipping {
  address: Address;
  carrier: null;
  name: string;
  phone: string | null;
  tracking_number: null;
}

export function newCharge(intent: PaymentIntent, method: MethodType, payer: Payer, created: number) {
  return {
    id: newId('ch_3'),
    object: 'charge' as const,
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null as string | null,
    billing_details: { ...payer, tax_id: null },
    calculated_statement_descriptor: intent.statement_descriptor,
    captured: false,
    created,
    currency: intent.currency,
    customer: null,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: null as string | null,
    failure_message: null as string | null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: null,
    paid: false,
    payment_intent: intent.id,
    payment_method: newId('pm_1'),
    payment_method_details: methodDetails(method, intent.amount),
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: intent.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: 'pending' as 'failed' | 'pending' | 'succeeded',
    transfer_data: null,
    transfer_group: null,
  };
}

function methodDetails(method: MethodType, amount: number) {
  if (method === 'us_bank_account')
    return {
      type: method,
      us_bank_account: {
        account_holder_type: 'individual' as const,
        account_type: 'checking' as const,
        bank_name: 'STRIPE TEST BANK',
        fingerprint: null,
        last4: '6789',
        payment_reference: null,
        routing_number: '110000000',
      },
    };
  return {
    type: method,
    card: {
      amount_authorized: amount,
      authorization_code: null,
      brand: 'visa',
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
      country: 'US',
      electronic_commerce_indicator: null,
      exp_month: 12,
      exp_year: 2034,
      fingerprint: null,
      funding: 'credit',
      installments: null,
      last4: '4242',
      mandate: null,
      network: 'visa',
      network_transaction_id: null,
      regulated_status: 'unregulated' as const,
      three_d_secure: null,
      transaction_link_id: null,
      wallet: null,
    },
  };
}

export function newRefund(
  charge: Charge,
  given: { amount: number; reason: RefundReason | undefined; metadata: Metadata },
  created: number,
) {
  return {
    id: newId('re_3'),
    object: 'refund' as const,
    amount: given.amount,
    balance_transaction: newId('txn_3') as string | null,
    charge: charge.id,
    created,
    currency: charge.currency,
    customer: null,
    customer_account: null,
    metadata: given.metadata,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: given.reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded' as 'canceled' | 'failed' | 'pending' | 'succeeded',
    transfer_reversal: null,
  } as {
    failure_balance_transaction?: string;
    failure_reason?: string;
    pending_reason?: 'processing';
  } & BaseRefund;
}

interface BaseRefund {
  id: string;
  object: 'refund';
  amount: number;
  balance_transaction: string | null;
  charge: string;
  created: number;
  currency: string;
  customer: null;
  customer_account: null;
  metadata: Metadata;
  payment_intent: string;
  payment_method: string;
  reason: RefundReason | null;
  receipt_number: null;
  source_transfer_reversal: null;
  status: 'canceled' | 'failed' | 'pending' | 'succeeded';
  transfer_reversal: null;
}

export type DisputeStatus = 'lost' | 'needs_response' | 'warning_closed' | 'warning_needs_response' | 'won';

export function newDispute(
  charge: Charge,
  given: { amount: number; reason: string; status: DisputeStatus },
  created: number,
) {
  return {
    id: newId('dp_1'),
    object: 'dispute' as const,
    amount: given.amount,
    balance_transactions: [],
    charge: charge.id,
    created,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: emptyEvidence(),
    evidence_details: {
      due_by: created + 7 * 86_400,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted' as const,
    },
    intended_submission_method: null,
    is_charge_refundable: given.status === 'warning_needs_response',
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason: given.reason,
    status: given.status,
  };
}

function emptyEvidence() {
  return {
    access_activity_log: null,
    billing_address: null,
    cancellation_policy: null,
    cancellation_policy_disclosure: null,
    cancellation_rebuttal: null,
    customer_communication: null,
    customer_email_address: null,
    customer_name: null,
    customer_purchase_ip: null,
    customer_signature: null,
    duplicate_charge_documentation: null,
    duplicate_charge_explanation: null,
    duplicate_charge_id: null,
    enhanced_evidence: {},
    product_description: null,
    receipt: null,
    refund_policy: null,
    refund_policy_disclosure: null,
    refund_refusal_explanation: null,
    service_date: null,
    service_documentation: null,
    shipping_address: null,
    shipping_carrier: null,
    shipping_date: null,
    shipping_documentation: null,
    shipping_tracking_number: null,
    uncategorized_file: null,
    uncategorized_text: null,
  };
}

export type EventType =
  | 'charge.dispute.closed'
  | 'charge.dispute.created'
  | 'charge.dispute.funds_reinstated'
  | 'charge.dispute.funds_withdrawn'
  | 'charge.failed'
  | 'charge.pending'
  | 'charge.refunded'
  | 'charge.succeeded'
  | 'checkout.session.async_payment_failed'
  | 'checkout.session.async_payment_succeeded'
  | 'checkout.session.completed'
  | 'checkout.session.expired'
  | 'payment_intent.created'
  | 'payment_intent.payment_failed'
  | 'payment_intent.processing'
  | 'payment_intent.succeeded'
  | 'refund.created'
  | 'refund.failed'
  | 'refund.updated';

export function newEvent(
  type: EventType,
  object: StripeObject,
  created: number,
  request: { id: string | null; idempotency_key: string | null },
  previous?: Record<string, unknown>,
) {
  return {
    id: newId('evt_1'),
    object: 'event' as const,
    api_version: apiVersion,
    created,
    data: {
      // A copy: what happened does not change with what happens to the object later.
      object: structuredClone(object),
      ...(previous === undefined ? {} : { previous_attributes: previous }),
    },
    livemode: false,
    pending_webhooks: 0,
    request,
    type,
  };
}
