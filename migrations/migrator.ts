import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { type AddedConstraint, type Conflict, findConflicts, PreflightError } from './added-constraint.ts';

/** A dated file of this folder, `YYYYMMDD-N-name.ts`, run once, in the order of names, in a transaction of its own. */
interface Migration {
  name: string;
  /** Constraints that `up` puts on tables which may hold rows: looked at before. */
  adds: readonly AddedConstraint[];
  up(db: Knex): Promise<void>;
}

export interface SchemaState {
  applied: string[];
  pending: string[];
  /** Applied by a newer version of the code: this one does not know them. */
  unknown: string[];
}

const migrationFile = /^(\d{8}-\d+-[a-z0-9-]+)\.ts$/;
/** Any number that nothing else locks: two programs that migrate at once take turns. */
const lockKey = 0x6d696772;

async function loadMigrations(): Promise<Migration[]> {
  const files = (await readdir(import.meta.dirname)).filter((file) => migrationFile.test(file)).sort(byOrder);
  return Promise.all(
    files.map(async (file) => {
      const { up, adds = [] } = (await import(join(import.meta.dirname, file))) as Partial<Migration>;
      if (up === undefined) throw new Error(`${file} is no migration: it exports no «up».`);
      return { name: file.replace(/\.ts$/, ''), adds, up };
    }),
  );
}

/** By date, then by number (2 before 10), then by name. */
function byOrder(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** How the database stands to this version of the code. Changes nothing. */
export async function readSchemaState(db: Knex): Promise<SchemaState> {
  const known = (await loadMigrations()).map(({ name }) => name);
  return compare(known, await readApplied(db));
}

/** What the data would put in the way of the pending migrations. Changes nothing. */
export async function preflight(db: Knex): Promise<Conflict[]> {
  const migrations = await loadMigrations();
  const { pending } = compare(
    migrations.map(({ name }) => name),
    await readApplied(db),
  );
  const adds = migrations.filter(({ name }) => pending.includes(name)).flatMap((migration) => migration.adds);
  return findConflicts(db, adds);
}

/**
 * Brings the database to this version's schema and returns the names of what it ran.
 * @throws Error with a sentence when the database is newer than the code, PreflightError when rows are in the way of a
 *   constraint: then the migrations before that one have been run, and nothing of it
 */
export async function migrateToLatest(db: Knex): Promise<string[]> {
  const migrations = await loadMigrations();
  const ran: string[] = [];
  for (;;) {
    const name = await db.transaction((trx) => runNext(trx, migrations));
    if (name === undefined) return ran;
    ran.push(name);
  }
}

async function runNext(trx: Knex.Transaction, migrations: Migration[]): Promise<string | undefined> {
  await trx.raw('SELECT pg_advisory_xact_lock(?)', [lockKey]);
  await trx.raw(`CREATE TABLE IF NOT EXISTS schema_migrations (
    name text, applied_at timestamptz NOT NULL DEFAULT now(), CONSTRAINT schema_migrations_pkey PRIMARY KEY (name)
  )`);
  const state = compare(
    migrations.map(({ name }) => name),
    await readApplied(trx),
  );
  refuseNewer(state);
  const next = migrations.find(({ name }) => name === state.pending[0]);
  if (next === undefined) return undefined;
  const conflicts = await findConflicts(trx, next.adds);
  if (conflicts.length > 0) throw new PreflightError(conflicts);
  await next.up(trx);
  await trx('schema_migrations').insert({ name: next.name });
  return next.name;
}

async function readApplied(db: Knex): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { present: boolean }[] }>(
    `SELECT to_regclass('schema_migrations') IS NOT NULL AS present`,
  );
  if (rows[0]?.present !== true) return [];
  return (await db<{ name: string }>('schema_migrations').pluck('name')).sort(byOrder);
}

function compare(known: string[], applied: string[]): SchemaState {
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
}

export function refuseNewer({ unknown }: SchemaState): void {
  if (unknown.length === 0) return;
  throw new Error(
    `The database is newer than this program: it carries ${unknown.join(', ')}, which this version does not know. Update the program, or use the database that belongs to this version.`,
  );
}
