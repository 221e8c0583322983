import { type BoardOrder, inventIccid } from './factory.ts';

/** The first boards of every local system. Serials and SIM card numbers are invented. */
export const sampleBatch = 'sample';
export const sampleBoards: readonly BoardOrder[] = [1, 2, 3].map((index) => orderOf(index));

/** The SIM cards that boards are ordered with. */
export function simCardsOf(orders: readonly BoardOrder[]): string[] {
  return orders.flatMap(({ iccid }) => iccid ?? []);
}

/** Boards of this model confirm their activation themselves; of the sample boards none does. */
export const confirmingModel = 'p4k';
export const sampleModels = ['n4k', confirmingModel] as const;

export function orderOf(index: number, model: (typeof sampleModels)[number] = 'n4k'): BoardOrder {
  const serial = `${model.toUpperCase()}-${String(index).padStart(6, '0')}`;
  return { serial, model, iccid: inventIccid(index) };
}
