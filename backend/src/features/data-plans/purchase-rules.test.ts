import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  mayOrder,
  outTradeNoOf,
  type PurchaseEvent,
  type PurchaseState,
  type PurchaseStatus,
  purchaseIdOf,
  purchaseStatuses,
  stateAfter,
} from './purchase-rules.ts';

const events: readonly PurchaseEvent[] = [
  'paid_with_sim',
  'paid_without_sim',
  'payment_failed',
  'order_placed',
  'order_refused',
  'package_in_use',
  'package_done',
  'window_over',
  'refunded',
  'dispute_opened',
  'dispute_won',
  'dispute_lost',
];

/** Every transition there is; what is not here changes nothing. Dispute rows are of a purchase disputed when active. */
const table: Readonly<Record<PurchaseStatus, Partial<Record<PurchaseEvent, PurchaseStatus>>>> = {
  pending: { paid_with_sim: 'paid', paid_without_sim: 'pending_assignment', payment_failed: 'failed' },
  pending_assignment: {
    order_placed: 'ordering',
    order_refused: 'failed',
    package_in_use: 'active',
    refunded: 'refunded',
    dispute_opened: 'disputed',
  },
  paid: {
    order_placed: 'ordering',
    order_refused: 'failed',
    package_in_use: 'active',
    refunded: 'refunded',
    dispute_opened: 'disputed',
  },
  ordering: {
    order_refused: 'failed',
    package_in_use: 'active',
    package_done: 'expired',
    refunded: 'refunded',
    dispute_opened: 'disputed',
  },
  active: {
    package_done: 'expired',
    window_over: 'expired',
    refunded: 'refunded',
    dispute_opened: 'disputed',
  },
  expired: { refunded: 'refunded', dispute_opened: 'disputed' },
  failed: { refunded: 'refunded', dispute_opened: 'disputed' },
  refunded: {},
  disputed: {
    package_done: 'disputed',
    window_over: 'disputed',
    refunded: 'refunded',
    dispute_won: 'active',
    dispute_lost: 'refunded',
  },
};

const paid = (status: PurchaseStatus): PurchaseState => ({
  status,
  resume: status === 'disputed' ? 'active' : undefined,
  wasPaid: status !== 'pending',
});

describe('the life of a purchase', () => {
  const pairs = purchaseStatuses.flatMap((status) => events.map((event) => [status, event] as const));
  it.each(pairs)('%s, %s', (status, event) => {
    expect(stateAfter(paid(status), event)?.status).toBe(table[status][event]);
  });

  it.each(events)('an unpaid one that failed: %s', (event) => {
    const failed: PurchaseState = { status: 'failed', resume: undefined, wasPaid: false };
    const honoured: Partial<Record<PurchaseEvent, PurchaseStatus>> = {
      paid_with_sim: 'paid',
      paid_without_sim: 'pending_assignment',
    };
    expect(stateAfter(failed, event)?.status).toBe(honoured[event]);
  });

  it('goes on behind a dispute, and shows it when that is won', () => {
    const after = (...happened: PurchaseEvent[]) =>
      happened.reduce((state, event) => stateAfter(state, event) ?? state, paid('paid'));
    expect(after('dispute_opened', 'order_placed', 'package_in_use')).toMatchObject({
      status: 'disputed',
      resume: 'active',
    });
    expect(after('dispute_opened', 'order_placed', 'package_in_use', 'dispute_won').status).toBe('active');
    expect(after('dispute_opened', 'dispute_won')).toEqual(paid('paid'));
    expect(after('dispute_opened', 'dispute_lost', 'dispute_won').status).toBe('refunded');
  });

  it('never goes back, whatever happens in whatever order', () => {
    const rank = {
      pending: 0,
      failed: 5,
      pending_assignment: 1,
      paid: 1,
      ordering: 2,
      active: 3,
      expired: 4,
    };
    const place = ({ status, resume }: PurchaseState): number => {
      const at = status === 'disputed' ? (resume ?? 'pending') : status;
      return at === 'refunded' || at === 'disputed' ? 6 : rank[at];
    };
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 40 }), (happened) => {
        let state: PurchaseState = { status: 'pending', resume: undefined, wasPaid: false };
        for (const event of happened) {
          const next = stateAfter(state, event);
          if (next === undefined) continue;
          const honoursLatePayment = state.status === 'failed' && !state.wasPaid;
          if (!honoursLatePayment) expect(place(next)).toBeGreaterThanOrEqual(place(state));
          expect(next.wasPaid || !state.wasPaid).toBe(true);
          expect(next.status === 'disputed').toBe(next.resume !== undefined);
          // Paid is not entitled, and nothing unpaid is ever ordered or active.
          if (['paid', 'pending_assignment', 'ordering', 'active'].includes(next.status))
            expect(next.wasPaid).toBe(true);
          // The same again changes nothing.
          expect(stateAfter(next, event)).toBeUndefined();
          state = next;
        }
      }),
    );
  });

  it('is ordered only while the money is here and no order is', () => {
    expect(purchaseStatuses.filter(mayOrder)).toEqual(['pending_assignment', 'paid']);
  });
});

it('names a purchase to the carrier in 32 characters, and back', () => {
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      expect(outTradeNoOf(id)).toMatch(/^[0-9a-f]{32}$/);
      expect(purchaseIdOf(outTradeNoOf(id))).toBe(id);
    }),
  );
  expect(purchaseIdOf('42')).toBeUndefined();
});
