import { readFileSync } from 'node:fs';
import knex from 'knex';
import { describeConflicts } from './added-constraint.ts';
import { databaseProblem } from './database-problem.ts';
import { migrateToLatest, preflight, readSchemaState } from './migrator.ts';

const usage = `Usage: npm run migrate [-- --status | --preflight]
Brings the database of DATABASE_URL (or of the file DATABASE_URL_FILE) to this version's schema.
  --status      only says what is applied and what is pending
  --preflight   only looks for rows in the way of constraints that are to be added; ends with 1 when there are any`;

async function main(flags: string[]): Promise<number> {
  if (flags.includes('--help')) {
    console.log(usage);
    return 0;
  }
  const unknown = flags.filter((flag) => flag !== '--status' && flag !== '--preflight');
  if (unknown.length > 0) {
    console.error(`Unknown option ${unknown.join(' ')}.\n${usage}`);
    return 2;
  }
  const url = addressFrom(process.env);
  if (url === undefined) return 2;
  // Whoever asked gets the error anyway.
  const quiet = { warn: () => {}, error: () => {} };
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 }, log: quiet });
  try {
    if (flags.includes('--status')) {
      const { applied, pending, unknown: newer } = await readSchemaState(db);
      console.log(`applied ${applied.length}, pending ${pending.length}, unknown here ${newer.length}`);
      for (const name of pending) console.log(`pending  ${name}`);
      for (const name of newer) console.log(`unknown  ${name}`);
      return newer.length > 0 ? 1 : 0;
    }
    if (flags.includes('--preflight')) {
      const conflicts = await preflight(db);
      for (const line of describeConflicts(conflicts)) console.log(line);
      if (conflicts.length === 0) console.log('No row is in the way of the pending migrations.');
      return conflicts.length > 0 ? 1 : 0;
    }
    const ran = await migrateToLatest(db);
    for (const name of ran) console.log(`applied  ${name}`);
    console.log(ran.length === 0 ? 'The schema is up to date.' : 'Done.');
    return 0;
  } catch (error) {
    console.error(databaseProblem(error) ?? (error instanceof Error ? error.message : error));
    return 1;
  } finally {
    await db.destroy();
  }
}

/** Undefined when it is said why there is none. */
function addressFrom({ DATABASE_URL_FILE: file, DATABASE_URL: url }: NodeJS.ProcessEnv): string | undefined {
  if (!file) {
    if (!url) console.error(`DATABASE_URL is not set.\n${usage}`);
    return url || undefined;
  }
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    console.error(`The file that DATABASE_URL_FILE names cannot be read (${code}).`);
    return undefined;
  }
}

process.exitCode = await main(process.argv.slice(2));
