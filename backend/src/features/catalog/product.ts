import type { ProductView } from '@aovis/contracts/http/store';

export interface Variant {
  id: string;
  sku: string;
  name: string;
  /** In the smallest unit of `currency`. */
  priceMinor: number;
  currency: string;
  /** Pieces that nobody has ordered yet. */
  available: number;
}

export interface Product {
  slug: string;
  name: string;
  description: string;
  /** Those that are sold, in the shop's order. */
  variants: Variant[];
}

/** How many are left is nobody's business. */
export function toProductView({ slug, name, description, variants }: Product): ProductView {
  return {
    slug,
    name,
    description,
    variants: variants.map((variant) => ({
      id: variant.id,
      sku: variant.sku,
      name: variant.name,
      price_minor: variant.priceMinor,
      currency: variant.currency,
      in_stock: variant.available > 0,
    })),
  };
}
