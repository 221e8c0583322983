import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { onServer } from './databases.ts';
import { openOwnDatabase } from './own-database.ts';
import { type DatabaseServer, startDatabaseServer } from './server.ts';

const secret = 'canary-4711';

describe('openOwnDatabase', () => {
  let folder: string;
  let server: DatabaseServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aovis-own-database-'));
    server = await startDatabaseServer({ dataDirectory: folder, durable: false });
    await onServer(server.urlOf('postgres'), async (client) => {
      await client.query(`CREATE ROLE maker LOGIN CREATEDB PASSWORD '${secret}'`);
      await client.query(`CREATE ROLE tenant LOGIN PASSWORD '${secret}'`);
      await client.query('CREATE DATABASE given OWNER tenant');
      await client.query('CREATE DATABASE foreign_one');
    });
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const addressOf = (user: string, database: string, password = secret): string =>
    `postgres://${user}:${password}@127.0.0.1:${server.port}/${database}`;

  /** What somebody reads whose address does not do. */
  async function refusalOf(address: string): Promise<string> {
    const refusal = await openOwnDatabase({ variable: 'DATABASE_URL', address }).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(refusal).not.toContain(secret);
    return refusal.replace(`:${server.port}`, ':PORT');
  }

  it('makes the database when its user may, and takes it as it is the next time', async () => {
    const address = addressOf('maker', 'fresh');
    expect(await openOwnDatabase({ variable: 'DATABASE_URL', address })).toBe(address);
    expect(await openOwnDatabase({ variable: 'DATABASE_URL', address })).toBe(address);
  });

  it('is content with an ordinary user who owns one database', async () => {
    expect(await refusalOf(addressOf('tenant', 'given'))).toBe('');
  });

  it('makes another one beside the one that the address names', async () => {
    const named = { variable: 'DATABASE_URL', address: addressOf('maker', ''), name: 'beside' };
    expect(await openOwnDatabase(named)).toBe(addressOf('maker', 'beside'));
  });

  it('says who may make the database when this user may not', async () => {
    expect(await refusalOf(addressOf('tenant', 'wanted'))).toBe(
      'The PostgreSQL at 127.0.0.1:PORT (DATABASE_URL) has no database «wanted», and the user «tenant» may not make one. As its administrator say: CREATE DATABASE "wanted" OWNER "tenant", or ALTER ROLE "tenant" CREATEDB.',
    );
  });

  it('refuses a database in which its user may make no tables', async () => {
    expect(await refusalOf(addressOf('tenant', 'foreign_one'))).toContain(
      'does not let this user make tables',
    );
  });

  it.each([
    ['a wrong password', 'wrong'],
    ['no password', ''],
  ])('says that the server does not take %s', async (_, password) => {
    expect(await refusalOf(addressOf('tenant', 'given', password))).toBe(
      'The PostgreSQL at 127.0.0.1:PORT (DATABASE_URL) does not accept the user «tenant» with the password of this address. Correct DATABASE_URL.',
    );
  });

  it('says that nobody answers', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    expect(await refusalOf(`postgres://maker:${secret}@127.0.0.1:${port}/x`)).toMatch(
      /^No PostgreSQL at 127\.0\.0\.1:\d+ \(DATABASE_URL\) answers: connect ECONNREFUSED/,
    );
  });

  it.each(['not a url', `mysql://maker:${secret}@127.0.0.1/x`, `postgres://maker:a#${secret}/@127.0.0.1/x`])(
    'refuses %j as no address',
    async (address) => {
      expect(await refusalOf(address)).toContain(
        'is no address like postgres://user:password@host:5432/database',
      );
    },
  );

  it('refuses an address that names no database', async () => {
    expect(await refusalOf(addressOf('maker', ''))).toContain('names no database');
  });
});
