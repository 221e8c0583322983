const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENOENT',
]);

/** What an operator does about it, by SQLSTATE (PostgreSQL, appendix A). */
const advice: Readonly<Record<string, string>> = {
  '28000': 'PostgreSQL does not let the user of DATABASE_URL in; see its pg_hba.conf',
  '28P01': 'PostgreSQL refuses the user or password of DATABASE_URL; correct them',
  '3D000': 'the database of DATABASE_URL does not exist; create it, then run npm run migrate',
  '42501': 'the user of DATABASE_URL may not do this; give it the database as its owner',
  '42P01': 'the database of DATABASE_URL has not this program’s schema; run npm run migrate',
  '53300': 'PostgreSQL has no connection left; raise max_connections or lower AOVIS_DATABASE_POOL_SIZE',
  '57P03': 'PostgreSQL is starting or stopping; try again in a moment',
};

/** Why a database cannot be worked with, as a sentence for whoever set it up; undefined for what is not of that kind. */
export function databaseProblem(error: unknown): string | undefined {
  // `fetch` rejects with a TypeError: what could not be reached then is another service.
  if (!(error instanceof Error) || error instanceof TypeError) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : advice[code];
  if (known !== undefined) return `${capitalized(known)} (${error.message.split(' - ').at(-1)}).`;
  const isConnecting = 'syscall' in error || error instanceof AggregateError;
  if ((code !== undefined && unreachable.has(code) && isConnecting) || error.name === 'KnexTimeoutError')
    return `The database of DATABASE_URL cannot be reached (${reasonOf(error)}); start PostgreSQL, or correct the address.`;
  return databaseProblem(error.cause);
}

/** A name with several addresses fails with an error for each of them, and no message of its own. */
function reasonOf(error: Error): string {
  return error instanceof AggregateError ? error.errors.map(String).join(', ') : error.message;
}

function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
