import { readFileSync } from 'node:fs';
import { loadConfig } from '../config/config.ts';
import { countActivationHashes } from '../features/devices/activation-hash-census.ts';
import { importLabelFile } from '../features/devices/label-import.ts';
import { importManifestFile } from '../features/factory/manifest-file.ts';
import { ManifestService } from '../features/factory/manifest-service.ts';
import { StationService } from '../features/factory/station-service.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Commands, needed, say, withDatabase } from './command.ts';

/** The factory's stations and what they hand over. */
export const factoryCommands: Commands = {
  'station add': (flags) =>
    withDatabase(async (db) => {
      const pem = readFileSync(needed(flags['public-key-file'], '--public-key-file'), 'utf8');
      const id = needed(flags.id, '--id');
      say(`${id} ${await new StationService({ db, clock: systemClock }).add(id, pem)}`);
      return 0;
    }),
  'station disable': (flags) =>
    withDatabase(async (db) => {
      const id = needed(flags.id, '--id');
      say(`${id} ${await new StationService({ db, clock: systemClock }).disable(id)}`);
      return 0;
    }),
  'station list': () =>
    withDatabase(async (db) => {
      for (const station of await new StationService({ db, clock: systemClock }).list())
        say(JSON.stringify(station));
      return 0;
    }),
  'manifest import': (flags) =>
    withDatabase(async (db) => {
      const { activationPeppers: peppers, proofModels } = loadConfig(process.env);
      const manifests = new ManifestService({ db, clock: systemClock, peppers, proofModels });
      const file = needed(flags.file, '--file');
      const result = await importManifestFile(file, { manifests, dryRun: flags['dry-run'] === true });
      say(JSON.stringify(result));
      return result.conflicts === 0 ? 0 : 1;
    }),
  'label hashes': () =>
    withDatabase(async (db) => {
      const kinds = await countActivationHashes(db, loadConfig(process.env).activationPeppers);
      for (const kind of kinds) say(JSON.stringify(kind));
      return kinds.some(({ standing }) => standing === 'missing') ? 1 : 0;
    }),
  'label import': (flags) =>
    withDatabase(async (db) => {
      const file = needed(flags.file, '--file');
      const dryRun = flags['dry-run'] === true;
      say(
        JSON.stringify(
          await importLabelFile(file, { db, clock: systemClock, dryRun, add: flags.add === true }),
        ),
      );
      return 0;
    }),
};
