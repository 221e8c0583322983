import { expect, it } from '@jest/globals';
import {
  disputeOf,
  laterDispute,
  laterRefund,
  moveOrder,
  type OrderStatus,
  publicStatusOf,
  refundableMinor,
  refundedMinor,
} from './order.ts';

it.each([
  ['pending', 'processing', 'processing', 'keep'],
  ['pending', 'paid', 'paid', 'sell'],
  ['pending', 'failed', 'failed', 'release'],
  ['pending', 'expired', 'expired', 'release'],
  ['processing', 'paid', 'paid', 'sell'],
  ['processing', 'failed', 'failed', 'release'],
  ['failed', 'paid', 'paid', 'sell_late'],
  ['expired', 'paid', 'paid', 'sell_late'],
] as const)('%s and told %s becomes %s: %s the pieces', (from, outcome, to, stock) => {
  expect(moveOrder(from, outcome)).toEqual({ to, stock });
});

it.each([
  ['processing', 'processing'],
  ['processing', 'expired'],
  ['failed', 'processing'],
  ['failed', 'failed'],
  ['failed', 'expired'],
  ['expired', 'processing'],
  ['expired', 'failed'],
  ['expired', 'expired'],
  ['paid', 'processing'],
  ['paid', 'failed'],
  ['paid', 'expired'],
  ['paid', 'paid'],
] as const)('%s stays when told %s', (from, outcome) => {
  expect(moveOrder(from, outcome)).toBeUndefined();
});

const refund = (amountMinor: number, status: 'requested' | 'pending' | 'succeeded' | 'failed') => ({
  amountMinor,
  status,
});
const facts = (refunds: ReturnType<typeof refund>[], chargeRefundedMinor = 0) => ({
  refunds,
  chargeRefundedMinor,
  disputes: [],
});

it.each([
  ['nothing', facts([]), 0],
  ['refunds under way and done', facts([refund(300, 'pending'), refund(200, 'succeeded')]), 500],
  ['the sum of the charge, not added to what it sums up', facts([refund(500, 'succeeded')], 500), 500],
  ['the sum of the charge where no refund reported itself', facts([], 700), 700],
  ['no refund that failed', facts([refund(500, 'failed')]), 0],
  ['no failed refund that the charge still sums up', facts([refund(500, 'failed')], 500), 0],
  ['the refund after a failed one', facts([refund(500, 'failed'), refund(300, 'pending')], 300), 300],
  ['no refund that was only decided', facts([refund(500, 'requested')]), 0],
  ['no more than was paid', facts([refund(900, 'succeeded'), refund(900, 'succeeded')]), 1_000],
])('counts %s', (_, known, minor) => {
  expect(refundedMinor(known, 1_000)).toBe(minor);
});

it('lets no more be refunded than is left when all decided refunds are done', () => {
  expect(refundableMinor(facts([refund(300, 'succeeded'), refund(500, 'requested')]), 1_000)).toBe(200);
  expect(refundableMinor(facts([refund(1_000, 'failed')]), 1_000)).toBe(1_000);
});

it('keeps the later state of a refund and of a dispute, whichever comes first', () => {
  expect([laterRefund('pending', 'succeeded'), laterRefund('succeeded', 'pending')]).toEqual(
    Array(2).fill('succeeded'),
  );
  expect([laterRefund('failed', 'succeeded'), laterRefund('succeeded', 'failed')]).toEqual(
    Array(2).fill('failed'),
  );
  expect([laterDispute('open', 'won'), laterDispute('won', 'open'), laterDispute('lost', 'won')]).toEqual(
    Array(3).fill('won'),
  );
});

it('shows the dispute that hurts most', () => {
  const of = (...disputes: ('open' | 'lost' | 'won')[]) => disputeOf({ ...facts([]), disputes });
  expect([of(), of('won'), of('won', 'lost'), of('lost', 'open')]).toEqual([
    undefined,
    'won',
    'lost',
    'open',
  ]);
});

it('tells strangers three things only', () => {
  const statuses: OrderStatus[] = ['pending', 'processing', 'failed', 'expired', 'paid'];
  expect(statuses.map(publicStatusOf)).toEqual(['processing', 'processing', 'failed', 'failed', 'paid']);
});
