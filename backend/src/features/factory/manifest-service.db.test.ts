import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { activationCodeDigest } from '@aovis/contracts/activation-code';
import fixture from '@aovis/contracts/fixtures/manifest.v1.json' with { type: 'json' };
import type { Manifest, ManifestDevice } from '@aovis/contracts/provisioning';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CompactSign } from 'jose';
import type { Database } from '../../db/database.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { checkActivationCode } from '../devices/activation-hash.ts';
import { ActivationService } from '../devices/activation-service.ts';
import { importLabelFile } from '../devices/label-import.ts';
import { labelCode, otherCode, seedUser, testPeppers } from '../devices/testing/seed.ts';
import { KnexEntitlementRepository } from '../entitlements/entitlement-repository.ts';
import { EntitlementService } from '../entitlements/entitlement-service.ts';
import { ManifestService } from './manifest-service.ts';
import { StationService } from './station-service.ts';

const stationKey = createPrivateKey({ key: fixture.station_private_jwk, format: 'jwk' });

describe('manifests', () => {
  let database: TestDatabase;
  let db: Database;
  let service: ManifestService;
  let stations: StationService;

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
    const clock = new FakeClock();
    stations = new StationService({ db, clock });
    service = new ManifestService({
      db,
      clock,
      peppers: testPeppers,
      proofModels: ['p9'],
    });
    await stations.add('line-1', fixture.station_public_key_pem);
  });
  afterAll(() => database.drop());

  // Apart from the golden manifest's boards.
  let boards = 1000;
  const board = (change: Partial<ManifestDevice> = {}): ManifestDevice => {
    boards += 1;
    const serial = `N4K-${String(boards).padStart(6, '0')}`;
    return {
      device_id: `aovis-${serial.toLowerCase()}`,
      serial,
      model: 'n4k',
      certificate_id: boards.toString(16).padStart(64, '0'),
      activation_code_digest: activationCodeDigest(serial, labelCode),
      code_epoch: 1,
      ...change,
    };
  };
  let manifests = 0;
  const newManifestId = (): string => `01JC${String(++manifests).padStart(22, '0')}`;
  const manifest = (devices: ManifestDevice[], change: Partial<Manifest> = {}): Manifest => ({
    schema_version: 1,
    manifest_id: newManifestId(),
    station_id: 'line-1',
    batch_id: 'B1',
    created_at: '2026-03-01T08:00:00Z',
    devices,
    ...change,
  });
  const sign = (content: Manifest, key: KeyObject = stationKey, kid = 'line-1'): Promise<string> =>
    new CompactSign(Buffer.from(JSON.stringify(content)))
      .setProtectedHeader({ ...fixture.header, kid })
      .sign(key);
  const take = async (content: Manifest, dryRun = false) =>
    service.import({ jws: await sign(content), dryRun, requestId: 'r' });
  const deviceOf = (deviceId: string) =>
    db('devices')
      .where({ device_id: deviceId })
      .first<Record<string, unknown> & { activation_code_hash: string }>();
  const everything = async (): Promise<unknown[]> =>
    Promise.all(['devices', 'sims', 'factory_manifests', 'audit_log'].map((table) => db(table).count()));

  it('bring boards that can be activated, and keep no digest', async () => {
    const result = await service.import({ jws: fixture.jws, dryRun: false, requestId: 'r' });
    expect(result).toEqual({
      manifest_id: fixture.payload.manifest_id,
      dry_run: false,
      accepted: 2,
      unchanged: 0,
      conflicts: 0,
      devices: fixture.payload.devices.map(({ device_id }) => ({ device_id, result: 'accepted' })),
    });
    const stored = await deviceOf('aovis-n4k-000123');
    expect(stored).toMatchObject({
      status: 'provisioned',
      model: 'n4k',
      iccid: '8944500102198304826',
      batch_id: 'B2026-001',
    });
    const storedHash = stored.activation_code_hash;
    expect(storedHash).not.toContain(fixture.payload.devices[0]?.activation_code_digest);
    const attempt = { serial: 'N4K-000123', typedCode: fixture.activation_codes['N4K-000123'], storedHash };
    expect(checkActivationCode(attempt, testPeppers)).toEqual({ matches: true, upgradedHash: undefined });
    expect(await db('audit_log').where({ subject_id: fixture.payload.manifest_id })).toEqual([
      expect.objectContaining({ actor_kind: 'station', actor_id: 'line-1', outcome: 'ok' }),
    ]);
  });

  it('say nothing new of a board that has renewed its certificate by a job, and take nothing back', async () => {
    const device = board();
    const first = manifest([device]);
    await take(first);
    const fresh = 'f'.repeat(64);
    await db('devices')
      .where({ device_id: device.device_id })
      .update({ certificate_id: fresh, handed_over_certificate_id: device.certificate_id });
    expect(await take(first)).toMatchObject({ accepted: 1, conflicts: 0 });
    expect(await take(manifest([device]))).toMatchObject({ unchanged: 1, conflicts: 0 });
    // A new label of the same board: its station knows of no other certificate.
    const digest = activationCodeDigest(device.serial, otherCode);
    await take(manifest([{ ...device, code_epoch: 2, activation_code_digest: digest }]));
    const renewed = { certificate_id: fresh, handed_over_certificate_id: device.certificate_id };
    expect(await deviceOf(device.device_id)).toMatchObject({ ...renewed, code_epoch: 2 });
    // One that the station makes anew counts.
    const anew = { ...device, certificate_id: 'e'.repeat(64), activation_code_digest: digest };
    await expect(take(manifest([{ ...anew, code_epoch: 2 }]))).rejects.toMatchObject({
      details: { devices: [{ reason: 'certificate_differs' }] },
    });
    await take(manifest([{ ...anew, code_epoch: 3 }]));
    expect(await deviceOf(device.device_id)).toMatchObject({
      certificate_id: anew.certificate_id,
      handed_over_certificate_id: null,
    });
  });

  it('give a board with an old label its certificate, and leave the code to its first good use', async () => {
    const { activation_code_digest: _none, ...rest } = board();
    const device: ManifestDevice = { ...rest, activation_code: 'printed' };
    const hash = `sha256$${createHash('sha256').update('ABCDEF0O2345').digest('hex')}`;
    const refused = { details: { devices: [expect.objectContaining({ reason: 'code_missing' })] } };
    await expect(take(manifest([device]))).rejects.toMatchObject(refused);

    const folder = await mkdtemp(join(tmpdir(), 'labels-'));
    try {
      const file = join(folder, 'codes.csv');
      await writeFile(file, `serial,activation_code_hash\n${device.serial},${hash}\n`);
      await importLabelFile(file, { db, clock: new FakeClock(), dryRun: false, add: true });
    } finally {
      await rm(folder, { recursive: true });
    }
    const other = { ...device, activation_code: undefined, activation_code_digest: 'd'.repeat(64) };
    await expect(take(manifest([other]))).rejects.toMatchObject({
      details: { devices: [expect.objectContaining({ reason: 'code_differs' })] },
    });
    expect(await take(manifest([device]))).toMatchObject({ accepted: 1 });
    expect(await deviceOf(device.device_id)).toMatchObject({
      status: 'provisioned',
      certificate_id: device.certificate_id,
      activation_code_hash: hash,
      code_epoch: 1,
    });

    const clock = new FakeClock();
    const activation = new ActivationService({
      db,
      clock,
      peppers: testPeppers,
      entitlementsIn: (trx) =>
        new EntitlementService({ repository: new KnexEntitlementRepository(trx), clock }),
      claims: { begin: () => Promise.reject(new Error('this model does not confirm')) },
    });
    const answer = await activation.activate({
      userId: await seedUser(db),
      deviceId: device.device_id,
      network: '203.0.113.1',
      requestId: randomUUID(),
      activationCode: 'abcd-ef0o-2345',
      iccid: undefined,
    });
    expect(answer.status).toBe(200);
    const upgraded = (await deviceOf(device.device_id)).activation_code_hash;
    expect(upgraded).toMatch(/^hmac-sha256\$t1\$/);
    // A station that lost the answer asks again under another id: nothing changes.
    expect(await take(manifest([device]))).toMatchObject({ unchanged: 1 });
    expect((await deviceOf(device.device_id)).activation_code_hash).toBe(upgraded);
  });

  it('answer a repetition as the first time, also after the boards changed', async () => {
    const device = board();
    const content = manifest([device]);
    const first = await take(content);
    await take(
      manifest([
        { ...device, code_epoch: 2, activation_code_digest: activationCodeDigest(device.serial, otherCode) },
      ]),
    );
    expect(await take(content)).toEqual(first);
    expect((await deviceOf(device.device_id)).code_epoch).toBe(2);
  });

  it('are taken once when they come many times at once', async () => {
    const content = manifest([board(), board()]);
    const results = await Promise.all(Array.from({ length: 8 }, () => take(content)));
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
    expect(await db('audit_log').where({ subject_id: content.manifest_id })).toHaveLength(1);
  });

  it('are refused when their id was used with another payload', async () => {
    const content = manifest([board()]);
    await take(content);
    await expect(take({ ...content, batch_id: 'B2' })).rejects.toMatchObject({
      code: 'manifest_conflict',
      details: { manifest_id: 'used_with_another_payload' },
    });
  });

  it('are all or nothing', async () => {
    const known = board();
    await take(manifest([known]));
    const other = activationCodeDigest(known.serial, otherCode);
    const fresh = board();
    const content = manifest([fresh, { ...known, activation_code_digest: other }]);
    await expect(take(content)).rejects.toMatchObject({
      code: 'manifest_conflict',
      details: {
        devices: [
          { device_id: fresh.device_id, result: 'accepted' },
          { device_id: known.device_id, result: 'conflict', reason: 'code_differs' },
        ],
      },
    });
    expect(await deviceOf(fresh.device_id)).toBeUndefined();
    expect(await db('audit_log').where({ subject_id: content.manifest_id })).toEqual([
      expect.objectContaining({ outcome: 'refused' }),
    ]);
  });

  it('in a dry run say the same and change nothing', async () => {
    const [known, other] = [board(), board()];
    await take(manifest([known, other]));
    const before = await everything();
    const content = manifest([board(), known, board({ certificate_id: other.certificate_id })]);
    expect(await take(content, true)).toMatchObject({
      dry_run: true,
      accepted: 1,
      unchanged: 1,
      conflicts: 1,
      devices: [{ result: 'accepted' }, { result: 'unchanged' }, { reason: 'certificate_in_use' }],
    });
    expect(await everything()).toEqual(before);
  });

  it('replace a code by a newer one and never by an older one', async () => {
    const device = board({ code_epoch: 2 });
    await take(manifest([device]));
    const before = (await deviceOf(device.device_id)).activation_code_hash;
    await expect(take(manifest([{ ...device, code_epoch: 1 }]))).rejects.toMatchObject({
      details: { devices: [{ reason: 'code_epoch_older' }] },
    });
    const reissued = {
      ...device,
      code_epoch: 3,
      activation_code_digest: activationCodeDigest(device.serial, otherCode),
    };
    expect(await take(manifest([reissued]))).toMatchObject({ accepted: 1 });
    expect((await deviceOf(device.device_id)).activation_code_hash).not.toBe(before);
  });

  it('add a SIM card, and refuse another one or that of another board', async () => {
    const device = board();
    await take(manifest([device]));
    const iccid = '8944500102198304834';
    expect(await take(manifest([{ ...device, iccid }]))).toMatchObject({ accepted: 1 });
    expect((await deviceOf(device.device_id)).iccid).toBe(iccid);
    await expect(take(manifest([board({ iccid })]))).rejects.toMatchObject({
      details: { devices: [{ reason: 'iccid_in_use' }] },
    });
    await expect(take(manifest([{ ...device, iccid: '8944500102198304842' }]))).rejects.toMatchObject({
      details: { devices: [{ reason: 'iccid_differs' }] },
    });
  });

  it('decide what a claim needs by model', async () => {
    const device = board({ device_id: 'aovis-p9-000001', serial: 'P9-000001', model: 'p9' });
    await take(manifest([device]));
    expect(await deviceOf(device.device_id)).toMatchObject({ activation_policy: 'label+device' });
  });

  it('of 500 boards are taken in one go', async () => {
    const devices = Array.from({ length: 500 }, () => board());
    expect(await take(manifest(devices))).toMatchObject({ accepted: 500 });
  });

  describe('of a station', () => {
    const stranger = generateKeyPairSync('ed25519');
    const pem = stranger.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const refused = (jws: string) => service.import({ jws, dryRun: false, requestId: 'r' });

    it('that nobody knows are refused', async () => {
      const jws = await sign(manifest([board()], { station_id: 'line-9' }), stranger.privateKey, 'line-9');
      await expect(refused(jws)).rejects.toMatchObject({ code: 'unknown_station' });
    });

    it('with the key of another are refused, and audited', async () => {
      const jws = await sign(manifest([board()]), stranger.privateKey);
      await expect(refused(jws)).rejects.toMatchObject({ code: 'invalid_signature' });
      expect(
        await db('audit_log').where({ outcome: 'refused' }).orderBy('seq', 'desc').first(),
      ).toMatchObject({
        actor_id: 'line-1',
        details: { code: 'invalid_signature' },
      });
    });

    it('that was disabled are refused', async () => {
      expect(await stations.add('line-2', pem)).toBe('added');
      expect(await stations.add('line-2', pem)).toBe('unchanged');
      const jws = await sign(manifest([board()], { station_id: 'line-2' }), stranger.privateKey, 'line-2');
      expect(await refused(jws)).toMatchObject({ accepted: 1 });
      expect(await stations.disable('line-2')).toBe('disabled');
      expect(await stations.disable('line-2')).toBe('unchanged');
      await expect(refused(jws)).rejects.toMatchObject({ code: 'unknown_station' });
      await expect(stations.add('line-2', pem)).rejects.toThrow('new station id');
    });

    it('register only good keys under good names', async () => {
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
      const cases: [string, string, RegExp][] = [
        ['Line 3', pem, /station id has/],
        ['line-3', 'no key', /holds no public key/],
        ['line-3', rsa.export({ type: 'spki', format: 'pem' }).toString(), /Ed25519/],
        ['line-3', stranger.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), /private key/],
        ['line-1', pem, /has another key/],
      ];
      for (const [id, key, sentence] of cases) await expect(stations.add(id, key)).rejects.toThrow(sentence);
      await expect(stations.disable('line-3')).rejects.toThrow('no station line-3');
    });
  });
});
