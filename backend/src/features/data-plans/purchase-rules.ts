/**
 * The life of a purchase. Paid is not entitled: what was bought counts from `active` on.
 * - `pending`: the payment page was opened.
 * - `pending_assignment`: paid, but the device has no SIM card yet.
 * - `paid`: to be ordered at the carrier. `ordering`: ordered. `active`: in use. `expired`: over or used up.
 * - `failed`: never paid, or the carrier refuses it.
 * - `refunded`: the money went back. `disputed`: the customer's bank asks for it; `resume` is where it goes on.
 */
export const purchaseStatuses = [
  'pending',
  'pending_assignment',
  'paid',
  'ordering',
  'active',
  'expired',
  'failed',
  'refunded',
  'disputed',
] as const;
export type PurchaseStatus = (typeof purchaseStatuses)[number];

export type PurchaseEvent =
  | 'paid_with_sim'
  | 'paid_without_sim'
  | 'payment_failed'
  | 'order_placed'
  | 'order_refused'
  | 'package_in_use'
  | 'package_done'
  | 'window_over'
  | 'refunded'
  | 'dispute_opened'
  | 'dispute_won'
  | 'dispute_lost';

type Fulfilment = Exclude<PurchaseStatus, 'refunded' | 'disputed'>;
type Step = Partial<Record<Fulfilment, Fulfilment>>;

/** A payment that comes although it had failed is honoured: the money is there. Told apart by `wasPaid`. */
const paidSteps = (to: Fulfilment): Step => ({ pending: to, failed: to });

const steps: Readonly<Record<Exclude<PurchaseEvent, 'refunded' | `dispute_${string}`>, Step>> = {
  paid_with_sim: paidSteps('paid'),
  paid_without_sim: paidSteps('pending_assignment'),
  payment_failed: { pending: 'failed' },
  order_placed: { pending_assignment: 'ordering', paid: 'ordering' },
  order_refused: { pending_assignment: 'failed', paid: 'failed', ordering: 'failed' },
  package_in_use: { pending_assignment: 'active', paid: 'active', ordering: 'active' },
  package_done: { ordering: 'expired', active: 'expired' },
  window_over: { active: 'expired' },
};

export interface PurchaseState {
  status: PurchaseStatus;
  /** Where a disputed purchase goes on when the dispute is won; moves on with what the carrier says meanwhile. */
  resume: PurchaseStatus | undefined;
  wasPaid: boolean;
}

/** The state after an event; undefined when it changes nothing. States only move forward; `refunded` is the end. */
export function stateAfter(state: PurchaseState, event: PurchaseEvent): PurchaseState | undefined {
  return isStep(event) ? afterStep(state, event) : afterMoneyMoved(state, event);
}

type StepEvent = keyof typeof steps;

function isStep(event: PurchaseEvent): event is StepEvent {
  return Object.hasOwn(steps, event);
}

function afterStep(state: PurchaseState, event: StepEvent): PurchaseState | undefined {
  const at = state.status === 'disputed' ? state.resume : state.status;
  if (at === undefined || at === 'refunded' || at === 'disputed') return undefined;
  const to = steps[event][at];
  const pays = event === 'paid_with_sim' || event === 'paid_without_sim';
  if (to === undefined || (pays && state.wasPaid)) return undefined;
  const next = { ...state, wasPaid: state.wasPaid || pays };
  return state.status === 'disputed' ? { ...next, resume: to } : { ...next, status: to };
}

function afterMoneyMoved(
  state: PurchaseState,
  event: Exclude<PurchaseEvent, StepEvent>,
): PurchaseState | undefined {
  const { status, resume, wasPaid } = state;
  if (!wasPaid || status === 'refunded') return undefined;
  if (event === 'refunded') return { ...state, status: 'refunded', resume: undefined };
  if (event === 'dispute_opened')
    return status === 'disputed' ? undefined : { ...state, status: 'disputed', resume: status };
  if (resume === undefined) return undefined;
  return { ...state, status: event === 'dispute_won' ? resume : 'refunded', resume: undefined };
}

/** Whether the package is still to be ordered: nothing is ordered for money that may go back. */
export function mayOrder(status: PurchaseStatus): boolean {
  return status === 'paid' || status === 'pending_assignment';
}

/** The carrier's handle of the order: the purchase id without dashes, 32 characters, the most it takes. */
export function outTradeNoOf(purchaseId: string): string {
  return purchaseId.replaceAll('-', '');
}

/** The other way round; undefined for what is none of ours. */
export function purchaseIdOf(outTradeNo: string): string | undefined {
  const [, ...parts] =
    /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(outTradeNo.toLowerCase()) ??
    [];
  return parts.length === 5 ? parts.join('-') : undefined;
}
