import { CatalogService } from '../features/catalog/catalog-service.ts';
import { importPlanFile } from '../features/data-plans/plan-file.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Commands, needed, say, withDatabase } from './command.ts';

/** What is on sale. */
export const shopCommands: Commands = {
  'products import': (flags) =>
    withDatabase(async (db) => {
      const catalog = new CatalogService({ db, clock: systemClock });
      const { products, removed } = await catalog.importFile(needed(flags.file, '--file'));
      say(`${products} products, ${removed} taken off`);
      return 0;
    }),
  'plans import': (flags) =>
    withDatabase(async (db) => {
      const file = needed(flags.file, '--file');
      say(JSON.stringify(await importPlanFile(file, { db, clock: systemClock })));
      return 0;
    }),
};
