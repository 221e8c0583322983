import { catalogFileSchema } from '@aovis/contracts/http/store';
import { beforeEach, expect, it } from '@jest/globals';
import type { CatalogRepository, ImportedProduct } from '../catalog-repository.ts';

const now = new Date('2026-11-20T12:00:00Z');

/** A product as an import file writes it. */
export function importedProduct(slug: string, change: object = {}): ImportedProduct {
  const variant = { sku: slug.toUpperCase(), name: 'White', price_minor: 19_900, currency: 'usd', stock: 5 };
  const file = { products: [{ slug, name: slug, description: 'A camera.', variants: [variant], ...change }] };
  return catalogFileSchema.parse(file).products[0] as ImportedProduct;
}

/** What every catalog repository must do; run on the real one and on the fake. */
export function catalogRepositoryContract(makeRepository: () => Promise<CatalogRepository>): void {
  let catalog: CatalogRepository;
  beforeEach(async () => {
    catalog = await makeRepository();
  });
  const slugs = async () => (await catalog.list()).map(({ slug }) => slug);

  it('shows what was saved, in its order', async () => {
    await catalog.save(importedProduct('doorbell'), 1, now);
    await catalog.save(importedProduct('camera'), 0, now);
    expect(await slugs()).toEqual(['camera', 'doorbell']);
    expect(await catalog.find('camera')).toEqual({
      slug: 'camera',
      name: 'camera',
      description: 'A camera.',
      variants: [
        {
          id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
          sku: 'CAMERA',
          name: 'White',
          priceMinor: 19_900,
          currency: 'usd',
          available: 5,
        },
      ],
    });
  });

  it('keeps the id of a variant when it is saved anew', async () => {
    await catalog.save(importedProduct('camera'), 0, now);
    const before = await catalog.find('camera');
    await catalog.save(importedProduct('camera', { name: 'Camera 2' }), 0, now);
    const after = await catalog.find('camera');
    expect(after?.name).toBe('Camera 2');
    expect(after?.variants[0]?.id).toBe(before?.variants[0]?.id);
  });

  it('hides what is not active: products, variants, and products without a variant', async () => {
    const [variant] = importedProduct('camera').variants;
    await catalog.save(importedProduct('camera', { active: false }), 0, now);
    await catalog.save(
      importedProduct('doorbell', { variants: [{ ...variant, sku: 'D', active: false }] }),
      1,
      now,
    );
    expect(await slugs()).toEqual([]);
    expect(await catalog.find('camera')).toBeUndefined();
  });

  it('hides variants that are no longer named', async () => {
    const [white] = importedProduct('camera').variants;
    const black = { ...white, sku: 'CAMERA-BLACK', name: 'Black' };
    await catalog.save(importedProduct('camera', { variants: [white, black] }), 0, now);
    await catalog.save(importedProduct('camera', { variants: [black] }), 0, now);
    expect((await catalog.find('camera'))?.variants.map(({ name }) => name)).toEqual(['Black']);
  });

  it('takes products off the shop that are not named', async () => {
    await catalog.save(importedProduct('camera'), 0, now);
    await catalog.save(importedProduct('doorbell'), 1, now);
    expect(await catalog.deactivateOthers(['camera'], now)).toBe(1);
    expect(await catalog.deactivateOthers(['camera'], now)).toBe(0);
    expect(await slugs()).toEqual(['camera']);
  });
}
