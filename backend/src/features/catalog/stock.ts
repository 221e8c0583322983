import type { Database } from '../../db/database.ts';

export interface StockLine {
  variantId: string;
  quantity: number;
}

/** A variant as it is sold right now. */
export interface SoldVariant {
  variantId: string;
  sku: string;
  /** Of product and variant. */
  name: string;
  priceMinor: number;
  currency: string;
}

/** What a reservation came to: all of it, or nothing and why. */
export type Reservation =
  | { kind: 'reserved'; variants: SoldVariant[] }
  | { kind: 'unknown' | 'out_of_stock'; variantIds: string[] };

interface Row {
  id: string;
  sku: string;
  name: string;
  product_name: string;
  price_minor: number;
  currency: string;
  available: number;
}

/**
 * Holds the pieces for an order, all lines or none. Rows are locked in the order of their ids: two orders of the same
 * things wait for each other instead of blocking each other.
 */
export async function reserveStock(trx: Database, lines: readonly StockLine[]): Promise<Reservation> {
  const found = await lockSold(trx, lines);
  const missing = lines.filter(({ variantId }) => !found.has(variantId));
  if (missing.length > 0) return { kind: 'unknown', variantIds: idsOf(missing) };
  const short = lines.filter(({ variantId, quantity }) => (found.get(variantId)?.available ?? 0) < quantity);
  if (short.length > 0) return { kind: 'out_of_stock', variantIds: idsOf(short) };
  for (const { variantId, quantity } of lines)
    await trx('product_variants').where({ id: variantId }).increment('reserved', quantity);
  return { kind: 'reserved', variants: [...found.values()].map(toSoldVariant) };
}

/** Gives back what an order held. */
export async function releaseStock(trx: Database, lines: readonly StockLine[]): Promise<void> {
  for (const { variantId, quantity } of inLockOrder(lines))
    await trx('product_variants').where({ id: variantId }).decrement('reserved', quantity);
}

/** What an order held is sold now. */
export async function sellReserved(trx: Database, lines: readonly StockLine[]): Promise<void> {
  for (const { variantId, quantity } of inLockOrder(lines))
    await trx('product_variants')
      .where({ id: variantId })
      .update({
        stock: trx.raw('stock - ?', [quantity]),
        reserved: trx.raw('reserved - ?', [quantity]),
      });
}

/** For an order that holds nothing any more and was paid after all. False, and nothing sold, when pieces are missing. */
export async function sellUnreserved(trx: Database, lines: readonly StockLine[]): Promise<boolean> {
  const ids = idsOf(lines);
  const rows = await trx('product_variants')
    .whereIn('id', ids)
    .orderBy('id')
    .forNoKeyUpdate()
    .select<{ id: string; available: number }[]>('id', trx.raw('stock - reserved AS available'));
  const available = new Map(rows.map((row) => [row.id, row.available]));
  if (lines.some(({ variantId, quantity }) => (available.get(variantId) ?? 0) < quantity)) return false;
  for (const { variantId, quantity } of lines)
    await trx('product_variants').where({ id: variantId }).decrement('stock', quantity);
  return true;
}

async function lockSold(trx: Database, lines: readonly StockLine[]): Promise<Map<string, Row>> {
  const rows = await trx('product_variants as v')
    .join('products as p', 'p.id', 'v.product_id')
    .where({ 'v.active': true, 'p.active': true })
    .whereIn('v.id', idsOf(lines))
    .orderBy('v.id')
    .forNoKeyUpdate('v')
    .select<Row[]>(
      'v.id',
      'v.sku',
      'v.name',
      'p.name as product_name',
      'v.price_minor',
      'v.currency',
      trx.raw('v.stock - v.reserved AS available'),
    );
  return new Map(rows.map((row) => [row.id, row]));
}

function idsOf(lines: readonly StockLine[]): string[] {
  return lines.map(({ variantId }) => variantId);
}

function inLockOrder(lines: readonly StockLine[]): StockLine[] {
  return [...lines].sort((a, b) => (a.variantId < b.variantId ? -1 : 1));
}

function toSoldVariant({ id, sku, name, product_name, price_minor, currency }: Row): SoldVariant {
  return { variantId: id, sku, name: `${product_name}, ${name}`, priceMinor: price_minor, currency };
}
