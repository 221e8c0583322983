import { readFile } from 'node:fs/promises';
import {
  type CatalogFile,
  type CatalogProduct,
  catalogFileSchema,
  type ProductView,
  slugSchema,
} from '@aovis/contracts/http/store';
import { type Database, transaction } from '../../db/database.ts';
import { isCheckViolation } from '../../db/pg-errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { KnexCatalogRepository } from './catalog-repository.ts';
import { toProductView } from './product.ts';

/** Sentences for the operator who wrote the file. */
export class CatalogFileRefused extends Error {
  override name = 'CatalogFileRefused';
}

/** What the shop shows, and how it gets there. */
export class CatalogService {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  async list(): Promise<ProductView[]> {
    return (await new KnexCatalogRepository(this.#db).list()).map(toProductView);
  }

  /** @throws AppError product_not_found */
  async get(slug: string): Promise<ProductView> {
    const product = slugSchema.safeParse(slug).success
      ? await new KnexCatalogRepository(this.#db).find(slug)
      : undefined;
    if (product === undefined) throw new AppError('product_not_found');
    return toProductView(product);
  }

  /**
   * Makes the shop show what the file says, all of it or nothing. Products that it does not name are taken off.
   * @throws CatalogFileRefused
   */
  async importFile(path: string): Promise<{ products: number; removed: number }> {
    const file = await readCatalogFile(path);
    const now = this.#clock.now();
    try {
      return await transaction(this.#db, async (trx) => {
        const catalog = new KnexCatalogRepository(trx);
        for (const [position, product] of file.products.entries()) await catalog.save(product, position, now);
        const removed = await catalog.deactivateOthers(
          file.products.map(({ slug }) => slug),
          now,
        );
        const counts = { products: file.products.length, removed };
        await record(trx, {
          action: 'catalog.import',
          actor: { kind: 'system' },
          subject: { kind: 'catalog' },
          outcome: 'ok',
          details: counts,
        });
        return counts;
      });
    } catch (cause) {
      if (!isCheckViolation(cause, 'product_variants_stock_covers')) throw cause;
      throw new CatalogFileRefused(
        `${path}: the stock of a variant is less than what open orders hold; count those in, or wait until they are over`,
        { cause },
      );
    }
  }
}

/** One product by itself: a new one goes to the end of the shop. Its variants are the ones named, the others go off sale. */
export async function saveProduct(trx: Database, product: CatalogProduct, now: Date): Promise<void> {
  const known = await trx('products')
    .where({ slug: product.slug })
    .first<{ position: number } | undefined>('position');
  const last = await trx('products').max<{ last: number | null }[]>('position as last');
  await new KnexCatalogRepository(trx).save(product, known?.position ?? (last[0]?.last ?? -1) + 1, now);
}

async function readCatalogFile(path: string): Promise<CatalogFile> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new CatalogFileRefused(
      cause instanceof SyntaxError
        ? `${path} is not JSON: ${cause.message}`
        : `${path} cannot be read; check the path and its permissions`,
      { cause },
    );
  }
  const result = catalogFileSchema.safeParse(json);
  const problems = result.success
    ? repetitions(result.data)
    : result.error.issues.map(({ path: at, message }) => `${at.join('.') || 'the file'}: ${message}`);
  if (!result.success || problems.length > 0)
    throw new CatalogFileRefused(
      `${path} cannot be imported:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
    );
  return result.data;
}

function repetitions({ products }: CatalogFile): string[] {
  const names = products.flatMap(({ slug, variants }) => [
    `slug ${slug}`,
    ...variants.map(({ sku }) => `SKU ${sku}`),
  ]);
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  return [...new Set(repeated)].map((name) => `the ${name} is there twice; give each its own`);
}
