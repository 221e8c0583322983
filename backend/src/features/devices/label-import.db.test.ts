import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { KnexEntitlementRepository } from '../entitlements/entitlement-repository.ts';
import { EntitlementService } from '../entitlements/entitlement-service.ts';
import { ActivationService } from './activation-service.ts';
import { importLabelFile, type LabelImportResult } from './label-import.ts';
import { seedBoard, seedUser, testPeppers } from './testing/seed.ts';

const hashOf = (code: string): string => `sha256$${createHash('sha256').update(code).digest('hex')}`;
const [first, second] = [hashOf('ABCDEF0O2345'), hashOf('ZYXWVU543210')];

describe('label import', () => {
  const clock = new FakeClock('2026-03-01T00:00:00Z');
  let database: TestDatabase;
  let db: Database;
  let folder: string;
  let file: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labels-'));
    file = join(folder, 'codes.csv');
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function importing(rows: readonly string[], dryRun = false, add = false): Promise<LabelImportResult> {
    await writeFile(file, ['serial,activation_code_hash', ...rows, ''].join('\r\n'));
    return importLabelFile(file, { db, clock, dryRun, add });
  }
  const refusalOf = async (...rows: string[]): Promise<string> => {
    const refusal = await importing(rows).then(() => 'taken', String);
    expect(refusal).not.toMatch(/[0-9a-f]{16}/);
    return refusal;
  };
  const hashOn = async (serial: string): Promise<unknown> =>
    (await db('devices').where({ serial }).first<{ activation_code_hash: string | null }>())
      .activation_code_hash;
  const auditRows = () => db('audit_log').where({ action: 'label.import' }).orderBy('seq');

  it('gives a board its old code, which activates it and moves to the pepper then', async () => {
    const [serial, other] = ['N4K-800001', 'N4K-800002'];
    const deviceId = await seedBoard(db, { serial, status: 'planned' });
    await seedBoard(db, { serial: other, activationCodeHash: second });
    const rows = [`${serial},${first}`, `"${other}","${second}"`];

    expect(await importing(rows, true)).toEqual({ dry_run: true, imported: 1, added: 0, unchanged: 1 });
    expect([await hashOn(serial), await auditRows()]).toEqual([null, []]);
    expect(await importing(rows)).toEqual({ dry_run: false, imported: 1, added: 0, unchanged: 1 });
    expect(await importing(rows)).toEqual({ dry_run: false, imported: 0, added: 0, unchanged: 2 });
    expect(await auditRows()).toEqual([
      expect.objectContaining({ outcome: 'ok', details: { imported: 1, serials: [serial] } }),
    ]);

    // As when its certificate is taken on record.
    const certificate = { status: 'provisioned', certificate_id: 'c'.repeat(64) };
    await db('devices').where({ serial }).update(certificate);
    const service = new ActivationService({
      db,
      clock,
      peppers: testPeppers,
      entitlementsIn: (trx) =>
        new EntitlementService({ repository: new KnexEntitlementRepository(trx), clock }),
      claims: { begin: () => Promise.reject(new Error('these models do not confirm')) },
    });
    const answer = await service.activate({
      userId: await seedUser(db),
      deviceId,
      network: '203.0.113.1',
      requestId: randomUUID(),
      activationCode: 'abcd-ef0o-2345',
      iccid: undefined,
    });
    expect(answer.status).toBe(200);
    expect(await hashOn(serial)).toMatch(/^hmac-sha256\$t1\$/);
    expect(await refusalOf(...rows)).toContain(`line 2: ${serial} has another code, or this one was used`);
  });

  it('puts boards on record that are not there when it is told to, all of them or none', async () => {
    const rows = [`N4K-830001,${first}`, `N4K-830002,${second}`];
    expect(await importing(rows, true, true)).toMatchObject({ imported: 2, added: 2 });
    expect(await db('devices').where('serial', 'like', 'N4K-8300%')).toEqual([]);
    await seedBoard(db, { serial: 'N4K-830003' });
    await expect(importing([...rows, `N4K-830003,${hashOf('AAAABBBBCCCC')}`], false, true)).rejects.toThrow(
      'line 4: N4K-830003 has another code',
    );
    expect(await hashOn('N4K-830003')).toMatch(/^hmac/);
    expect(await db('devices').where('serial', 'N4K-830001')).toEqual([]);
    expect(await importing(rows, false, true)).toEqual({
      dry_run: false,
      imported: 2,
      added: 2,
      unchanged: 0,
    });
    expect(await importing(rows, false, true)).toMatchObject({ imported: 0, added: 0, unchanged: 2 });
    expect(await db('devices').where('serial', 'N4K-830001').first()).toMatchObject({
      device_id: 'aovis-n4k-830001',
      model: 'n4k',
      status: 'planned',
      activation_code_hash: first,
      certificate_id: null,
    });
  });

  it('takes all rows or none, and says what to do about each', async () => {
    await seedBoard(db, { serial: 'N4K-810001', status: 'planned' });
    await seedBoard(db, { serial: 'N4K-810002' });
    await seedBoard(db, { serial: 'N4K-810003', status: 'revoked', activationCodeHash: first });
    const third = hashOf('AAAABBBBCCCC');
    const refusal = await refusalOf(
      `N4K-810001,${hashOf('GOOD00000000')}`,
      `N4K-810002,${second}`,
      `N4K-810003,${first}`,
      `N4K-810009,${third}`,
    );
    expect(refusal).toContain(`${file} was not imported; nothing was stored`);
    expect(refusal).toContain('line 3: N4K-810002 has another code');
    expect(refusal).toContain('line 4: N4K-810003 is revoked');
    expect(refusal).toContain('line 5: N4K-810009 is no board on record; correct the serial');
    expect(refusal).not.toContain('line 2');
    expect(await hashOn('N4K-810001')).toBeNull();
  });

  it('refuses rows that are no labels before it asks the database', async () => {
    const refusal = await refusalOf(
      `n4k-1,${first}`,
      `N4K-820001,${first.toUpperCase()}`,
      `N4K-820002,${first}`,
      `N4K-820003,${first}`,
      `N4K-820002,${second}`,
      `N4K-820004,${hashOf('x')},more`,
    );
    expect(refusal).toContain('line 2: the serial is not MODEL-NNNNNN');
    expect(refusal).toContain('line 3: the hash is not sha256$');
    expect(refusal).toContain('line 5: has the serial or the code of line 4');
    expect(refusal).toContain('line 6: has the serial or the code of line 4');
    expect(refusal).toContain('line 7: has more than two values');
    expect(await refusalOf()).toContain('line 2: is missing');
    await writeFile(file, `N4K-820001,${first}\n`);
    const headless = await importLabelFile(file, { db, clock, dryRun: false, add: false }).then(
      () => 'taken',
      String,
    );
    expect(headless).toContain('line 1: must be serial,activation_code_hash');
    expect(headless).not.toContain(first);
  });
});
