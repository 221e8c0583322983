import type { AdminProductView } from '@aovis/contracts/http/admin-store';
import { type CatalogProduct, maxStock, skuSchema } from '@aovis/contracts/http/store';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { saveProduct } from '../catalog/catalog-service.ts';
import { changeAsStaff, differences, type Staff } from './staff.ts';

type VariantRow = AdminProductView['variants'][number] & {
  slug: string;
  product_name: string;
  description: string;
  product_active: boolean;
};

/** What the shop shows, changed by hand. */
export class ProductAdminService {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  async list(): Promise<AdminProductView[]> {
    return readProducts(this.#db);
  }

  /** @throws AppError sku_taken */
  async save(staff: Staff, slug: string, product: Omit<CatalogProduct, 'slug'>): Promise<AdminProductView> {
    const now = this.#clock.now();
    const subject = { kind: 'product', id: slug };
    return changeAsStaff(this.#db, staff, { action: 'admin.save_product', subject }, async (trx) => {
      const stocks = await lockVariants(trx, slug, product);
      const [before] = await readProducts(trx, slug);
      // Stock is counted, not written: what is there stays, whatever the form showed.
      const variants = product.variants.map((variant) => ({
        ...variant,
        stock: stocks.get(variant.sku) ?? variant.stock,
      }));
      await saveProduct(trx, { ...product, slug, variants }, now);
      const [after] = await readProducts(trx, slug);
      if (after === undefined) throw new Error(`the product ${slug} was not stored`);
      return { result: after, details: { ...differences(before, after) } };
    });
  }

  /**
   * @throws AppError product_not_found; out_of_stock when open orders hold more than would be left; invalid_request for
   * more than a shop counts
   */
  async adjustStock(staff: Staff, sku: string, { delta, reason }: { delta: number; reason: string }) {
    const subject = { kind: 'variant', id: sku };
    return changeAsStaff(this.#db, staff, { action: 'admin.adjust_stock', subject }, async (trx) => {
      const row = skuSchema.safeParse(sku).success
        ? await trx('product_variants')
            .where({ sku })
            .forUpdate()
            .first<{ stock: number; reserved: number } | undefined>('stock', 'reserved')
        : undefined;
      if (row === undefined) throw new AppError('product_not_found');
      const stock = row.stock + delta;
      if (stock < row.reserved) throw new AppError('out_of_stock', { details: { skus: [sku] } });
      if (stock > maxStock)
        throw new AppError('invalid_request', {
          details: [{ path: 'body.delta', message: `that would be more than ${maxStock} pieces` }],
        });
      await trx('product_variants').where({ sku }).update({ stock });
      const details = { before: { stock: row.stock }, after: { stock }, delta, reason };
      return { result: { sku, stock, reserved: row.reserved }, details };
    });
  }
}

/**
 * Locks the product and all variants that it has or is to have, as orders do (by id), and returns their stocks by SKU.
 * @throws AppError sku_taken
 */
async function lockVariants(
  trx: Database,
  slug: string,
  { variants }: Pick<CatalogProduct, 'variants'>,
): Promise<Map<string, number>> {
  // Two who save take turns, also for what is not there to be locked yet. Orders and readers are not held up.
  await trx.raw('LOCK TABLE products IN SHARE ROW EXCLUSIVE MODE');
  const skus = variants.map(({ sku }) => sku);
  const rows = await trx('product_variants as v')
    .join('products as p', 'p.id', 'v.product_id')
    .where((named) => {
      void named.where('p.slug', slug).orWhereIn('v.sku', skus);
    })
    .orderBy('v.id')
    .forUpdate('v')
    .select<{ sku: string; stock: number; slug: string }[]>('v.sku', 'v.stock', 'p.slug');
  const elsewhere = rows.filter((row) => row.slug !== slug).map(({ sku }) => sku);
  const twice = skus.filter((sku, at) => skus.indexOf(sku) !== at);
  if (elsewhere.length > 0 || twice.length > 0)
    throw new AppError('sku_taken', { details: { skus: [...elsewhere, ...twice] } });
  return new Map(rows.map(({ sku, stock }) => [sku, stock]));
}

async function readProducts(db: Database, slug?: string): Promise<AdminProductView[]> {
  const query = db('products as p')
    .join('product_variants as v', 'v.product_id', 'p.id')
    .orderBy(['p.position', 'p.slug', 'v.position', 'v.sku'])
    .select<VariantRow[]>(
      'p.slug',
      'p.name as product_name',
      'p.description',
      'p.active as product_active',
      'v.sku',
      'v.name',
      'v.price_minor',
      'v.currency',
      'v.stock',
      'v.reserved',
      'v.active',
    );
  if (slug !== undefined) query.where('p.slug', slug);
  const products = new Map<string, AdminProductView>();
  for (const {
    slug: of,
    product_name: name,
    description,
    product_active: active,
    ...variant
  } of await query) {
    const product = products.get(of) ?? { slug: of, name, description, active, variants: [] };
    product.variants.push(variant);
    products.set(of, product);
  }
  return [...products.values()];
}
