import { readFileSync } from 'node:fs';
import { databaseUrl } from './parsers.ts';

/** The database of an operator's command, which needs no other setting. @throws Error with a sentence */
export function databaseUrlFrom(environment: Readonly<Record<string, string | undefined>>): string {
  const path = environment.DATABASE_URL_FILE;
  const value = path ? readFileSync(path, 'utf8').trim() : environment.DATABASE_URL?.trim();
  if (!value)
    throw new Error('DATABASE_URL is missing: set it (or DATABASE_URL_FILE) to the backend’s database.');
  try {
    return databaseUrl(value);
  } catch (error) {
    throw new Error(`DATABASE_URL ${error instanceof Error ? error.message : ''}`, { cause: error });
  }
}
