import { type BoardOrder, inventIccid } from './factory.ts';

/** The first boards of every local system. Serials and SIM card numbers are invented. */
export const sampleBatch = 'sample';
export const sampleBoards: readonly BoardOrder[] = [1, 2, 3].map((index) => orderOf(index));

/** The SIM cards that boards are ordered with. */
export function simCardsOf(orders: readonly BoardOrder[]): string[] {
  return orders.flatMap(({ iccid }) => iccid ?? []);
}

export function orderOf(index: number): BoardOrder {
  return { serial: `N4K-${String(index).padStart(6, '0')}`, model: 'n4k', iccid: inventIccid(index) };
}
