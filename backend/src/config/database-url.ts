import { readFileSync } from 'node:fs';
import { databaseUrl } from './parsers.ts';

/** What is wrong with DATABASE_URL, as a sentence without the address. */
export class DatabaseUrlRefused extends Error {}

/** The database of an operator's command, which needs no other setting. @throws DatabaseUrlRefused */
export function databaseUrlFrom(environment: Readonly<Record<string, string | undefined>>): string {
  const path = environment.DATABASE_URL_FILE;
  const value = path ? contentOf(path) : environment.DATABASE_URL?.trim();
  if (!value)
    throw new DatabaseUrlRefused(
      'DATABASE_URL is missing: set it (or DATABASE_URL_FILE) to the backend’s database.',
    );
  try {
    return databaseUrl(value);
  } catch (error) {
    throw new DatabaseUrlRefused(`DATABASE_URL ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    });
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new DatabaseUrlRefused(`The file that DATABASE_URL_FILE names cannot be read (${code}).`, {
      cause,
    });
  }
}
