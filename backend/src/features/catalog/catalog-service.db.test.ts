import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { CatalogService } from './catalog-service.ts';
import { importedProduct } from './testing/catalog-repository-contract.ts';

describe('the import of products', () => {
  let database: TestDatabase;
  let catalog: CatalogService;
  let folder: string;
  let path: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'catalog-'));
    path = join(folder, 'products.json');
  });
  afterAll(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    await database.knex('product_variants').delete();
    await database.knex('products').delete();
    catalog = new CatalogService({ db: database.knex, clock: new FakeClock() });
  });
  const importText = async (text: string) => {
    await writeFile(path, text);
    return catalog.importFile(path);
  };
  const importAll = (...products: unknown[]) => importText(JSON.stringify({ products }));

  it('makes the shop show what the file says', async () => {
    expect(await importAll(importedProduct('camera'), importedProduct('doorbell'))).toEqual({
      products: 2,
      removed: 0,
    });
    expect(await importAll(importedProduct('doorbell'))).toEqual({ products: 1, removed: 1 });
    expect((await catalog.list()).map(({ slug }) => slug)).toEqual(['doorbell']);
    await expect(catalog.get('camera')).rejects.toMatchObject({ code: 'product_not_found' });
    const audit = await database.knex('audit_log').where({ action: 'catalog.import' });
    expect(audit).toMatchObject([{ details: { products: 2 } }, { details: { removed: 1 } }]);
  });

  it('stores nothing when open orders hold more than the file says there is', async () => {
    await importAll(importedProduct('camera'));
    await database.knex('product_variants').update({ reserved: 3 });
    const [variant] = importedProduct('camera').variants;
    const less = importedProduct('camera', { name: 'New', variants: [{ ...variant, stock: 2 }] });
    await expect(importAll(less)).rejects.toThrow('less than what open orders hold');
    expect((await catalog.get('camera')).name).toBe('camera');
  });

  it.each([
    ['is no JSON', '{', /products\.json is not JSON/],
    ['holds something else', '{"plans": []}', /products: /],
    ['has a price in decimals', JSON.stringify({ products: [{ slug: 'a', price: 1.5 }] }), /products\.0\./],
  ])('refuses a file that %s', async (_, text, sentence) => {
    await expect(importText(text)).rejects.toThrow(sentence);
  });

  it('refuses the same slug or SKU twice, and a file that is not there', async () => {
    const twice = importAll(importedProduct('camera'), importedProduct('camera'));
    await expect(twice).rejects.toThrow(/the slug camera is there twice.*\n.*the SKU CAMERA is there twice/);
    await expect(catalog.importFile(join(folder, 'none.json'))).rejects.toThrow('cannot be read');
  });
});
