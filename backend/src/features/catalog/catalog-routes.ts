import { getProduct, listProducts } from '@aovis/contracts/http/store';
import { handle, type Route } from '../../http/route.ts';
import type { CatalogService } from './catalog-service.ts';

export function catalogRoutes(catalog: CatalogService): Route[] {
  return [
    handle(listProducts, async () => ({ status: 200, body: { products: await catalog.list() } })),
    handle(getProduct, async ({ params }) => ({ status: 200, body: await catalog.get(params.slug) })),
  ];
}
