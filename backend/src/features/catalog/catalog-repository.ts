import type { CatalogFile } from '@aovis/contracts/http/store';
import type { Database } from '../../db/database.ts';
import type { Product, Variant } from './product.ts';

export type ImportedProduct = CatalogFile['products'][number];

/** What is sold. Inactive products, and products without an active variant, are not there for customers. */
export interface CatalogRepository {
  /** In the shop's order. */
  list(): Promise<Product[]>;
  find(slug: string): Promise<Product | undefined>;
  /**
   * Stores the product under its slug, its variants under their SKUs; variants that are no longer named become
   * inactive. Pieces that open orders hold stay held.
   */
  save(product: ImportedProduct, position: number, now: Date): Promise<void>;
  /** Takes every product off the shop whose slug is not named. Returns how many that were. */
  deactivateOthers(slugs: readonly string[], now: Date): Promise<number>;
}

interface Row {
  slug: string;
  product_name: string;
  description: string;
  id: string;
  sku: string;
  name: string;
  price_minor: number;
  currency: string;
  available: number;
}

export class KnexCatalogRepository implements CatalogRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async list(): Promise<Product[]> {
    return toProducts(await this.#sold());
  }

  async find(slug: string): Promise<Product | undefined> {
    return toProducts(await this.#sold().where('p.slug', slug))[0];
  }

  async save(product: ImportedProduct, position: number, now: Date): Promise<void> {
    const { slug, name, description, active } = product;
    const [row] = await this.#db('products')
      .insert({ slug, name, description, active, position, created_at: now, updated_at: now })
      .onConflict('slug')
      .merge({ name, description, active, position, updated_at: now })
      .returning<{ id: string }[]>('id');
    if (row === undefined) throw new Error(`the product ${slug} was not stored`);
    const variants = product.variants.map((variant, index) => ({
      product_id: row.id,
      ...variant,
      position: index,
    }));
    await this.#db('product_variants')
      .insert(variants)
      .onConflict('sku')
      .merge(['product_id', 'name', 'price_minor', 'currency', 'stock', 'active', 'position']);
    await this.#db('product_variants')
      .where({ product_id: row.id })
      .whereNotIn(
        'sku',
        variants.map(({ sku }) => sku),
      )
      .update({ active: false });
  }

  async deactivateOthers(slugs: readonly string[], now: Date): Promise<number> {
    return this.#db('products')
      .where({ active: true })
      .whereNotIn('slug', slugs)
      .update({ active: false, updated_at: now });
  }

  #sold() {
    return this.#db('products as p')
      .join('product_variants as v', 'v.product_id', 'p.id')
      .where({ 'p.active': true, 'v.active': true })
      .orderBy(['p.position', 'p.slug', 'v.position', 'v.sku'])
      .select<Row[]>(
        'p.slug',
        'p.name as product_name',
        'p.description',
        'v.id',
        'v.sku',
        'v.name',
        'v.price_minor',
        'v.currency',
        this.#db.raw('v.stock - v.reserved AS available'),
      );
  }
}

function toProducts(rows: readonly Row[]): Product[] {
  const products = new Map<string, Product>();
  for (const row of rows) {
    const { slug, description } = row;
    const product = products.get(slug) ?? { slug, name: row.product_name, description, variants: [] };
    product.variants.push(toVariant(row));
    products.set(slug, product);
  }
  return [...products.values()];
}

function toVariant({ id, sku, name, price_minor, currency, available }: Row): Variant {
  return { id, sku, name, priceMinor: price_minor, currency, available };
}
