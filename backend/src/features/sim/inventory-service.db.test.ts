import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import type { CarrierCard } from './card-directory.ts';
import { InventoryService } from './inventory-service.ts';

const [a, b] = ['8944500102198304826', '8944500102198304834'];
const eid = '89'.repeat(16);

describe('the SIM inventory', () => {
  let database: TestDatabase;
  let folder: string;
  let inventory: InventoryService;
  const clock = new FakeClock();
  const { signal } = new AbortController();

  beforeAll(async () => {
    database = await createTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'sims-'));
    inventory = new InventoryService({ db: database.knex, clock });
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
    await database.drop();
  });
  beforeEach(() => database.knex('sims').delete());
  const sims = () => database.knex('sims').orderBy('iccid');
  const importText = async (text: string, dryRun = false) => {
    const path = join(folder, 'cards.csv');
    await writeFile(path, text);
    return inventory.importFile(path, { dryRun });
  };
  const syncCards = (pages: Partial<CarrierCard>[][], dryRun = false) =>
    inventory.sync(
      {
        listCards: async function* () {
          for (const page of pages)
            yield page.map((card) => ({
              iccid: a,
              eid: undefined,
              imsi: undefined,
              status: undefined,
              ...card,
            }));
        },
      },
      { dryRun, signal },
    );

  it('takes a file, and the same again without a change', async () => {
    const text = `iccid,eid\n${a},${eid}\n${b},\n`;
    expect(await importText(text, true)).toMatchObject({ dry_run: true, added: 2 });
    expect(await sims()).toEqual([]);
    expect(await importText(text)).toMatchObject({ added: 2, conflicts: [] });
    expect(await importText(text)).toMatchObject({ added: 0, unchanged: 2 });
    expect(await sims()).toMatchObject([
      { iccid: a, eid, status: 'provisioned' },
      { iccid: b, eid: null },
    ]);
    expect(await database.knex('audit_log').where({ action: 'sim.import' })).toHaveLength(2);
  });

  it('takes nothing of a file in conflict, and names the card by its ends', async () => {
    await importText(`iccid,eid\n${a},${eid}`);
    const result = await importText(`iccid,eid\n${b},\n${a},${'88'.repeat(16)}`);
    expect(result.conflicts).toEqual([{ iccid: '8944***********4826', reason: 'eid_differs' }]);
    expect(await sims()).toHaveLength(1);
  });

  it('follows the carrier, page by page', async () => {
    await importText(`iccid\n${a}`);
    const pages = [[{ status: 'active' as const, imsi: '208930000000001' }], [{ iccid: b }]];
    expect(await syncCards(pages, true)).toMatchObject({ dry_run: true, added: 1, changed: 1 });
    expect(await sims()).toHaveLength(1);
    expect(await syncCards(pages)).toMatchObject({ added: 1, changed: 1, missing: 0 });
    expect(await sims()).toMatchObject([
      { iccid: a, status: 'active', imsi: '208930000000001', synced_at: clock.now() },
      { iccid: b, status: 'provisioned' },
    ]);
    expect(await syncCards([])).toMatchObject({ missing: 2 });
    expect(await sims()).toHaveLength(2);
  });
});
