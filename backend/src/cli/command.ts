import { databaseUrlFrom } from '../config/database-url.ts';
import { type Database, openDatabase } from '../db/database.ts';

/** All flags there are, as `parseArgs` takes them. */
export const flagOptions = {
  help: { type: 'boolean' },
  id: { type: 'string' },
  job: { type: 'string' },
  file: { type: 'string' },
  add: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  'public-key-file': { type: 'string' },
  anchor: { type: 'string', multiple: true },
  'anchor-file': { type: 'string' },
  email: { type: 'string' },
  role: { type: 'string' },
  additional: { type: 'boolean' },
  scopes: { type: 'string' },
  days: { type: 'string' },
  'overlap-hours': { type: 'string' },
} as const;

export type Flags = {
  [Name in keyof typeof flagOptions]?: (typeof flagOptions)[Name] extends { multiple: true }
    ? string[]
    : (typeof flagOptions)[Name]['type'] extends 'boolean'
      ? boolean
      : string;
};

/** Returns the exit code. */
export type Command = (flags: Flags) => Promise<number> | number;
/** By their words. */
export type Commands = Readonly<Record<string, Command>>;

/** What an operator typed wrong, as a sentence. */
export class UsageError extends Error {}

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** With the database of the environment, which is closed again. */
export async function withDatabase(work: (db: Database) => Promise<number>): Promise<number> {
  const db = openDatabase({ url: databaseUrlFrom(process.env), poolSize: 2 });
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}

/** @throws UsageError */
export function needed(value: string | undefined, flag: string): string {
  if (value === undefined) throw new UsageError(`${flag} is missing.`);
  return value;
}
