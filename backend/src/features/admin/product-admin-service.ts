import type { AdminProductView } from '@aovis/contracts/http/admin-store';
import type { CatalogProduct } from '@aovis/contracts/http/store';
import { type Database, transaction } from '../../db/database.ts';
import { isCheckViolation } from '../../db/pg-errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { saveProduct } from '../catalog/catalog-service.ts';
import { recordChange, type Staff } from './staff.ts';

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
    return transaction(this.#db, async (trx) => {
      const [before] = await readProducts(trx, slug);
      const skus = product.variants.map(({ sku }) => sku);
      const elsewhere = await trx('product_variants as v')
        .join('products as p', 'p.id', 'v.product_id')
        .whereIn('v.sku', skus)
        .whereNot('p.slug', slug)
        .pluck<string[]>('v.sku');
      if (elsewhere.length > 0 || new Set(skus).size < skus.length)
        throw new AppError('sku_taken', { details: { skus: elsewhere.length > 0 ? elsewhere : skus } });
      // Stock is counted, not written: what is there stays, whatever the form showed.
      const kept = new Map(before?.variants.map(({ sku, stock }) => [sku, stock]));
      const variants = product.variants.map((variant) => ({
        ...variant,
        stock: kept.get(variant.sku) ?? variant.stock,
      }));
      await saveProduct(trx, { ...product, slug, variants }, this.#clock.now());
      const [after] = await readProducts(trx, slug);
      if (after === undefined) throw new Error(`the product ${slug} was not stored`);
      await recordChange(trx, staff, {
        action: 'admin.save_product',
        subject: { kind: 'product', id: slug },
        details: { before: before ?? null, after },
      });
      return after;
    });
  }

  /** @throws AppError product_not_found; out_of_stock when open orders hold more than would be left */
  async adjustStock(staff: Staff, sku: string, { delta, reason }: { delta: number; reason: string }) {
    try {
      return await transaction(this.#db, async (trx) => {
        const [row] = await trx('product_variants')
          .where({ sku })
          .update({ stock: trx.raw('stock + ?', [delta]) })
          .returning<{ stock: number; reserved: number }[]>(['stock', 'reserved']);
        if (row === undefined) throw new AppError('product_not_found');
        await recordChange(trx, staff, {
          action: 'admin.adjust_stock',
          subject: { kind: 'variant', id: sku },
          details: { delta, stock: row.stock, reason },
        });
        return { sku, ...row };
      });
    } catch (cause) {
      if (!isCheckViolation(cause, 'product_variants_stock_covers')) throw cause;
      throw new AppError('out_of_stock', { cause, details: { skus: [sku] } });
    }
  }
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
