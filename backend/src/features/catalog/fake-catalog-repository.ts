import { randomUUID } from 'node:crypto';
import type { CatalogRepository, ImportedProduct } from './catalog-repository.ts';
import type { Product } from './product.ts';

interface StoredProduct extends ImportedProduct {
  position: number;
}

/** Passes the same contract suite as the real one (`catalog-repository-contract.ts`). */
export class FakeCatalogRepository implements CatalogRepository {
  readonly #products = new Map<string, StoredProduct>();
  readonly #idsBySku = new Map<string, string>();

  async list(): Promise<Product[]> {
    return [...this.#products.values()]
      .filter(({ active }) => active)
      .sort((a, b) => a.position - b.position)
      .map((product) => this.#toProduct(product))
      .filter(({ variants }) => variants.length > 0);
  }

  async find(slug: string): Promise<Product | undefined> {
    return (await this.list()).find((product) => product.slug === slug);
  }

  async save(product: ImportedProduct, position: number): Promise<void> {
    this.#products.set(product.slug, { ...product, position });
  }

  async deactivateOthers(slugs: readonly string[]): Promise<number> {
    const others = [...this.#products.values()].filter(({ slug, active }) => active && !slugs.includes(slug));
    for (const product of others) product.active = false;
    return others.length;
  }

  #toProduct({ slug, name, description, variants }: StoredProduct): Product {
    const sold = variants.filter(({ active }) => active);
    return {
      slug,
      name,
      description,
      variants: sold.map((variant) => ({
        id: this.#idOf(variant.sku),
        sku: variant.sku,
        name: variant.name,
        priceMinor: variant.price_minor,
        currency: variant.currency,
        available: variant.stock,
      })),
    };
  }

  #idOf(sku: string): string {
    const id = this.#idsBySku.get(sku) ?? randomUUID();
    this.#idsBySku.set(sku, id);
    return id;
  }
}
