import { rmSync } from 'node:fs';
import { LocalSystem } from '@aovis/simulator/local-system';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { query } from './support/database.ts';
import { temporaryFolder } from './support/running-system.ts';

const ofTomorrow = '29991231-1-of-tomorrow';

describe('a database of another version', () => {
  const system = new LocalSystem({ directory: temporaryFolder() });

  beforeAll(async () => {
    system.open();
    await system.startDatabase();
    await system.startCloud();
  });

  afterAll(async () => {
    await system.stop();
    rmSync(system.folder.root, { recursive: true, force: true });
  });

  /** Starts the backend, which must end by itself with an error code; answers its last words. */
  async function refusal(): Promise<string> {
    const words = await system.startBackend().then(
      () => 'It runs.',
      (error: Error) => error.message,
    );
    expect((await system.program('backend').exited).code).toBe(1);
    return words;
  }

  it('that is empty is refused: the sentence says what to type', async () => {
    expect(await refusal()).toMatch(/The database is older than this program \(.+\): run npm run migrate\./);
    await system.migrate();
  });

  it('that is one version behind is refused by the name of what it lacks', async () => {
    const [last] = await query<{ name: string }>(
      system.databaseUrl,
      `DELETE FROM schema_migrations WHERE name = (SELECT max(name) FROM schema_migrations) RETURNING name`,
    );
    expect(await refusal()).toContain(
      `The database is older than this program (${last?.name}): run npm run migrate.`,
    );
    await query(system.databaseUrl, 'INSERT INTO schema_migrations (name) VALUES ($1)', [last?.name]);
  });

  it('that is ahead is refused by backend and migration, and not touched', async () => {
    await query(system.databaseUrl, 'INSERT INTO schema_migrations (name) VALUES ($1)', [ofTomorrow]);
    expect(await refusal()).toContain(
      `The database is newer than this program (${ofTomorrow}): update the program.`,
    );
    await expect(system.migrate()).rejects.toThrow(
      `The database is newer than this program: it carries ${ofTomorrow}, which this version does not know.`,
    );
    await query(system.databaseUrl, 'DELETE FROM schema_migrations WHERE name = $1', [ofTomorrow]);
  });

  it('that is of this version is taken', async () => {
    await system.startBackend();
    expect((await fetch(`${system.backendUrl}/ready`)).status).toBe(200);
  });
});
