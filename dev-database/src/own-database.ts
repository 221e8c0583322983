import { Client } from 'pg';
import { databaseNameOf, ensureDatabase, withDatabase } from './databases.ts';

const oldestVersion = 15;
/** Longer than a server nearby ever needs; without it, one behind a firewall lets us wait for minutes. */
const connectTimeoutMs = 10_000;

export interface OwnDatabase {
  /** The environment variable that names the server: for the sentences. */
  variable: string;
  /** What it says. A secret. */
  address: string;
  /** Another database of that server than the one the address names. */
  name?: string;
}

/**
 * Gets a database on somebody's own server ready: makes it when there is none of that name, and sees whether its user
 * may make tables in it. Returns its address.
 * @throws Error with a sentence, never the password, when the address or the server does not allow that
 */
export async function openOwnDatabase({ variable, address, name }: OwnDatabase): Promise<string> {
  const url = addressOf(variable, address, name);
  try {
    await inspect(url).catch(async (error: unknown) => {
      if (codeOf(error) !== noSuchDatabase) throw error;
      await ensureDatabase(url);
      await inspect(url);
    });
  } catch (error) {
    throw new Error(explain(error, variable, new URL(url)), { cause: error });
  }
  return url;
}

function addressOf(variable: string, address: string, name: string | undefined): string {
  if (!URL.canParse(address) || !/^postgres(ql)?:$/.test(new URL(address).protocol)) {
    throw new Error(
      `${variable} is no address like postgres://user:password@host:5432/database. In user and password write @ as %40, : as %3A, / as %2F and # as %23.`,
    );
  }
  const url = name === undefined ? address : withDatabase(address, name);
  if (new URL(url).pathname.length < 2)
    throw new Error(`${variable} names no database: its address must end in /<name>.`);
  return url;
}

/** A server that answers, but does not do. */
class Unfit extends Error {}

async function inspect(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs });
  // A connection that breaks is told by the query that is under way.
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{ version: number; may_create: boolean | null }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS version,
         has_schema_privilege(current_schema(), 'CREATE') AS may_create`,
    );
    const [{ version, may_create: mayCreate } = { version: 0, may_create: null }] = rows;
    if (version < oldestVersion)
      throw new Unfit(`is version ${version}; ${oldestVersion} or newer is needed.`);
    if (mayCreate !== true)
      throw new Unfit(
        `does not let this user make tables in this database. Let its owner say GRANT CREATE ON SCHEMA public, or name a database that the user owns.`,
      );
  } finally {
    await client.end();
  }
}

/** PostgreSQL, appendix A: invalid_catalog_name, insufficient_privilege, invalid_password, invalid_authorization_specification. */
const noSuchDatabase = '3D000';
const notAllowed = '42501';
const wrongPassword = new Set(['28P01', '28000']);

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : '';
}

function explain(error: unknown, variable: string, url: URL): string {
  const user = decodeURIComponent(url.username);
  const server = `PostgreSQL at ${url.searchParams.get('host') ?? `${url.hostname}:${url.port || '5432'}`} (${variable})`;
  const { message } = error as Error;
  const code = codeOf(error);
  if (error instanceof Unfit) return `The ${server} ${message}`;
  if (wrongPassword.has(code) || message.startsWith('SASL'))
    return `The ${server} does not accept the user «${user}» with the password of this address. Correct ${variable}.`;
  if (code === notAllowed) {
    const name = databaseNameOf(url.href);
    return `The ${server} has no database «${name}», and the user «${user}» may not make one. As its administrator say: CREATE DATABASE "${name}" OWNER "${user}", or ALTER ROLE "${user}" CREATEDB.`;
  }
  // With a SQLSTATE it was the server that spoke; otherwise nobody did.
  if (/^[0-9A-Z]{5}$/.test(code)) return `The ${server} refuses: ${message}.`;
  return `No ${server} answers: ${message || code}. Start it, correct ${variable}, or unset it to use the built-in PostgreSQL.`;
}
