import { loadConfig } from '../config/config.ts';
import { eiotclubCarrier } from '../eiotclub/connect.ts';
import { InventoryService } from '../features/sim/inventory-service.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Commands, needed, say, UsageError, withDatabase } from './command.ts';

/** The SIM cards on record. */
export const simCommands: Commands = {
  'sims import': (flags) =>
    withDatabase(async (db) => {
      const inventory = new InventoryService({ db, clock: systemClock });
      const file = needed(flags.file, '--file');
      const result = await inventory.importFile(file, { dryRun: flags['dry-run'] === true });
      say(JSON.stringify(result));
      if (result.conflicts.length > 0)
        process.stderr.write('Nothing was stored: a file with conflicts is not taken. Mend them first.\n');
      return result.conflicts.length === 0 ? 0 : 1;
    }),
  'sims sync': (flags) =>
    withDatabase(async (db) => {
      const carrier = eiotclubCarrier(loadConfig(process.env), db);
      if (carrier === undefined)
        throw new UsageError('Set EIOTCLUB_APP_KEY and EIOTCLUB_SECRET: no SIM carrier is configured.');
      const inventory = new InventoryService({ db, clock: systemClock });
      const { signal } = new AbortController();
      const result = await inventory.sync(carrier, { dryRun: flags['dry-run'] === true, signal });
      say(JSON.stringify(result));
      return result.conflicts.length === 0 ? 0 : 1;
    }),
};
