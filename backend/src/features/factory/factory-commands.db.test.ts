import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fixture from '@aovis/contracts/fixtures/manifest.v1.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { testPeppers } from '../devices/testing/seed.ts';
import { runManifestCommand, runStationCommand } from './factory-commands.ts';
import { ManifestService } from './manifest-service.ts';
import { StationService } from './station-service.ts';

describe('the factory commands', () => {
  let database: TestDatabase;
  let folder: string;
  let data: string[];
  let messages: string[];
  let station: (...args: string[]) => Promise<number>;
  let manifest: (...args: string[]) => Promise<number>;

  beforeAll(async () => {
    database = await createTestDatabase();
    const db = database.knex;
    folder = await mkdtemp(join(tmpdir(), 'factory-commands-'));
    const clock = new FakeClock('2026-03-01T00:00:00Z');
    const stations = new StationService({ db, clock });
    const manifests = new ManifestService({ db, clock, peppers: testPeppers, claimPolicyOf: () => 'label' });
    const output = {
      data: (line: string) => data.push(line),
      message: (line: string) => messages.push(line),
    };
    station = (...args) => runStationCommand(args, { stations, output });
    manifest = (...args) => runManifestCommand(args, { manifests, output });
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
    await database.drop();
  });
  beforeEach(() => {
    data = [];
    messages = [];
  });
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };

  it('take a manifest from a file once its station is registered', async () => {
    const carried = await file('manifest.jws', `${fixture.jws}\n`);
    expect(await manifest('import', carried)).toBe(1);
    expect(messages).toEqual([expect.stringContaining('station')]);

    expect(
      await station('add', 'line-1', '--key', await file('line-1.pem', fixture.station_public_key_pem)),
    ).toBe(0);
    expect(await station('list')).toBe(0);
    expect(data).toEqual(['line-1\t2026-03-01T00:00:00.000Z\tactive']);

    data = [];
    expect(await manifest('import', carried, '--dry-run')).toBe(0);
    expect(await manifest('import', carried)).toBe(0);
    expect(data.map((line) => (JSON.parse(line) as { dry_run: boolean }).dry_run)).toEqual([true, false]);
  });

  it('disable a station', async () => {
    expect(await station('disable', 'line-1')).toBe(0);
    expect(await station('list')).toBe(0);
    expect(data[0]).toMatch(/^line-1\t.*\t2026-03-01T00:00:00.000Z$/);
    expect(await station('disable', 'line-7')).toBe(1);
    expect(messages.at(-1)).toBe('there is no station line-7; station list shows them');
  });

  it('say what is wrong with a file', async () => {
    expect(await station('add', 'line-2', '--key', join(folder, 'none.pem'))).toBe(1);
    expect(messages).toEqual([expect.stringContaining('none.pem cannot be read')]);
    expect(await manifest('import', join(folder, 'none.jws'))).toBe(1);
  });

  it.each([[[]], [['add', 'line-1']], [['list', 'all']], [['remove', 'x']], [['add', '--kex']]])(
    'show their usage for station %j',
    async (args) => {
      expect(await station(...args)).toBe(2);
      expect(messages).toEqual([expect.stringContaining('station add <id> --key')]);
    },
  );

  it('show their usage for a manifest without a file', async () => {
    expect(await manifest('import')).toBe(2);
    expect(messages).toEqual([expect.stringContaining('manifest import <file>')]);
  });
});
