import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataOf } from '@aovis/api-client/api-error';
import { createApiClient } from '@aovis/api-client/client';
import type { CatalogFile } from '@aovis/contracts/http/store';
import { admin } from './cloud-setup.ts';
import type { Endpoints } from './endpoints.ts';
import type { LocalSystem } from './local-system.ts';

const products: Pick<CatalogFile, 'products'> = {
  products: [
    {
      slug: 'n4k-camera',
      name: 'AOVIS N4K',
      description: 'A 4G camera with its own SIM card.',
      active: true,
      variants: [
        { sku: 'N4K-WHITE', name: 'White', price_minor: 19_900, currency: 'usd', stock: 40, active: true },
        { sku: 'N4K-BLACK', name: 'Black', price_minor: 20_900, currency: 'usd', stock: 1, active: true },
      ],
    },
  ],
};

/** `package_code` is one of the packages that the stand-in for the SIM carrier has at first. */
const dataPlans = {
  plans: [
    {
      plan_id: 'us-1gb-30d',
      name: '1 GB, 30 days',
      description: 'For one camera; recordings can be played meanwhile.',
      price_minor: 990,
      currency: 'usd',
      data_mb: 1_024,
      duration_days: 30,
      capabilities: ['cellular_data', 'cloud_playback'],
      package_code: 'DATA-1GB-30D',
    },
  ],
};

/** Puts something on sale where nothing is yet; what somebody put there stays. */
export async function fillShop(system: LocalSystem): Promise<void> {
  const shop = createApiClient({ baseUrl: system.backendUrl });
  const onSale = dataOf(await shop.GET('/api/store/products'));
  if (onSale.products.length === 0) await importFile(system, 'products', products);
  const { plans } = dataOf(await shop.GET('/api/data-plans'));
  if (plans.length === 0) await importFile(system, 'plans', dataPlans);
}

async function importFile(system: LocalSystem, what: 'products' | 'plans', content: object): Promise<void> {
  const file = join(system.folder.root, `${what}.json`);
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  await system.backendCli(what, 'import', '--file', file);
}

/** Makes the carrier know the SIM cards of boards, as if they had been bought there; known ones stay as they are. */
export async function orderSimCards(endpoints: Endpoints, iccids: readonly string[]): Promise<void> {
  const { cards } = (await admin(endpoints, 'GET', '/_local/eiotclub/cards')) as {
    cards: { iccid: string }[];
  };
  const known = new Set(cards.map(({ iccid }) => iccid));
  const wanted = iccids.filter((iccid) => !known.has(iccid)).map((iccid) => ({ iccid }));
  if (wanted.length > 0) await admin(endpoints, 'POST', '/_local/eiotclub/cards', { cards: wanted });
}
