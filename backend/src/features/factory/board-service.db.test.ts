import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { activationCodeDigest } from '@aovis/contracts/activation-code';
import fixture from '@aovis/contracts/fixtures/manifest.v1.json' with { type: 'json' };
import { stationRequestJwsType } from '@aovis/contracts/station-request';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CompactSign } from 'jose';
import type { Database } from '../../db/database.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { hashActivationDigest } from '../devices/activation-hash.ts';
import { labelCode, otherCode, seedUser, testPeppers } from '../devices/testing/seed.ts';
import { BatchLeaseService } from './batch-lease-service.ts';
import { BoardService } from './board-service.ts';

const stationKey = createPrivateKey({ key: fixture.station_private_jwk, format: 'jwk' });
const certificateOf = (n: number): string => n.toString(16).padStart(64, '0');
const serialOf = (n: number): string => `N4K-${String(n).padStart(6, '0')}`;

describe("a station's requests", () => {
  let database: TestDatabase;
  let db: Database;
  let service: BoardService;
  const clock = new FakeClock('2026-03-01T08:00:00Z');

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
    service = new BoardService({ db, clock, peppers: testPeppers });
    await db('factory_stations').insert({
      station_id: 'line-1',
      public_key_pem: fixture.station_public_key_pem,
    });
  });
  afterAll(() => database.drop());

  let boards = 5000;
  async function seedBoard(change: Record<string, unknown> = {}): Promise<string> {
    boards += 1;
    const serial = serialOf(boards);
    await db('devices').insert({
      device_id: `aovis-${serial.toLowerCase()}`,
      serial,
      model: 'n4k',
      certificate_id: certificateOf(boards),
      activation_code_hash: hashActivationDigest(activationCodeDigest(serial, labelCode), testPeppers),
      status: 'provisioned',
      batch_id: 'B1',
      ...change,
    });
    return serial;
  }
  const sign = (payload: object, key = stationKey, kid = 'line-1'): Promise<string> =>
    new CompactSign(
      Buffer.from(
        JSON.stringify({
          schema_version: 1,
          station_id: 'line-1',
          issued_at: clock.now().toISOString(),
          ...payload,
        }),
      ),
    )
      .setProtectedHeader({ alg: 'EdDSA', typ: stationRequestJwsType, kid })
      .sign(key);
  const lookUp = async (payload: object) => service.lookUp(await sign(payload), 'r');
  const change = async (payload: object) =>
    service.change(await sign({ operator: 'ana', reason: 'board is lost', ...payload }), 'r');
  const rowOf = (serial: string) => db('devices').where({ serial }).first<Record<string, unknown>>();
  const auditOf = (serial: string) =>
    db('audit_log')
      .where({ subject_id: `aovis-${serial.toLowerCase()}` })
      .orderBy('seq');

  it('tell how boards stand and whether codes and SIM cards are the same, but neither', async () => {
    await db('sims').insert({ iccid: '8944500102198304826' });
    const one = await seedBoard({ iccid: '8944500102198304826' });
    const other = await seedBoard();
    const answer = await lookUp({
      action: 'look_up_boards',
      boards: [
        {
          serial: one,
          activation_code_digest: activationCodeDigest(one, labelCode),
          iccid: '8944500102198304826',
        },
        {
          serial: other,
          activation_code_digest: activationCodeDigest(other, otherCode),
          iccid: '8944500102198304826',
        },
        { serial: 'N4K-999999' },
      ],
    });
    expect(answer).toEqual({
      more: false,
      boards: [
        expect.objectContaining({
          serial: one,
          status: 'provisioned',
          same_code: true,
          same_sim: true,
          owned: false,
          code_epoch: 1,
        }),
        expect.objectContaining({ serial: other, same_code: false, same_sim: false }),
        { serial: 'N4K-999999', device_id: 'aovis-n4k-999999', status: 'unknown', owned: false },
      ],
    });
    expect(JSON.stringify(answer)).not.toContain('8944500102198304826');
    expect(JSON.stringify(answer)).not.toContain('hmac-sha256');
  });

  it('list a batch page by page', async () => {
    await db('devices').insert(
      Array.from({ length: 501 }, (_, i) => ({
        device_id: `aovis-n5k-${String(i).padStart(6, '0')}`,
        serial: `N5K-${String(i).padStart(6, '0')}`,
        model: 'n5k',
        batch_id: 'B9',
      })),
    );
    const first = await lookUp({ action: 'list_batch', batch_id: 'B9' });
    expect([first.boards.length, first.more]).toEqual([500, true]);
    const second = await lookUp({ action: 'list_batch', batch_id: 'B9', after: 'N5K-000499' });
    expect(second).toMatchObject({ more: false, boards: [{ serial: 'N5K-000500', status: 'planned' }] });
  });

  it('revoke a board once, and say who and why', async () => {
    const serial = await seedBoard();
    expect(await change({ action: 'revoke_board', serial })).toMatchObject({ result: 'changed' });
    expect(await change({ action: 'revoke_board', serial })).toMatchObject({ result: 'unchanged' });
    expect(await rowOf(serial)).toMatchObject({ status: 'revoked' });
    expect(await auditOf(serial)).toEqual([
      expect.objectContaining({
        action: 'factory.revoke_board',
        actor_kind: 'station',
        actor_id: 'line-1',
        outcome: 'ok',
        details: { operator: 'ana', reason: 'board is lost', status_before: 'provisioned', owned: false },
      }),
    ]);
  });

  it('retire a board that nobody owns: its code is forgotten', async () => {
    const serial = await seedBoard();
    const userId = await seedUser(db);
    await db('device_ownerships').insert({
      device_id: `aovis-${serial.toLowerCase()}`,
      user_id: userId,
      epoch: 1,
    });
    await expect(change({ action: 'retire_board', serial })).rejects.toMatchObject({
      code: 'board_conflict',
      details: { reason: 'owned' },
    });
    await db('device_ownerships')
      .where({ user_id: userId })
      .update({ ended_at: clock.now(), end_reason: 'released' });
    expect(await change({ action: 'retire_board', serial })).toMatchObject({ result: 'changed' });
    expect(await rowOf(serial)).toMatchObject({ status: 'retired', activation_code_hash: null });
    expect((await auditOf(serial)).map(({ outcome }) => outcome)).toEqual(['refused', 'ok']);
  });

  it('replace a certificate by comparison with the one before', async () => {
    const serial = await seedBoard();
    const other = await seedBoard();
    const before = (await rowOf(serial))['certificate_id'];
    const taken = (await rowOf(other))['certificate_id'];
    const request = { action: 'replace_certificate', serial, certificate_id: before };
    const fresh = certificateOf(999_999);
    await expect(change({ ...request, new_certificate_id: taken })).rejects.toMatchObject({
      details: { reason: 'certificate_in_use' },
    });
    await expect(
      change({ ...request, certificate_id: certificateOf(1), new_certificate_id: fresh }),
    ).rejects.toMatchObject({ details: { reason: 'certificate_differs' } });
    expect(await change({ ...request, new_certificate_id: fresh })).toMatchObject({ result: 'changed' });
    expect(await change({ ...request, new_certificate_id: fresh })).toMatchObject({ result: 'unchanged' });
    expect(await rowOf(serial)).toMatchObject({ certificate_id: fresh, status: 'provisioned' });
  });

  it('move a board to another batch, unless it is retired', async () => {
    const serial = await seedBoard();
    expect(await change({ action: 'move_board', serial, batch_id: 'B2' })).toMatchObject({
      result: 'changed',
    });
    expect(await rowOf(serial)).toMatchObject({ batch_id: 'B2' });
    const retired = await seedBoard({ status: 'retired' });
    await expect(change({ action: 'move_board', serial: retired, batch_id: 'B2' })).rejects.toMatchObject({
      details: { reason: 'retired' },
    });
    await expect(change({ action: 'revoke_board', serial: 'N4K-999999' })).rejects.toMatchObject({
      details: { reason: 'unknown' },
    });
  });

  it('lease a list to one station until it lets go or its time is over', async () => {
    const leases = new BatchLeaseService({ db, clock });
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    await db('factory_stations').insert({
      station_id: 'line-2',
      public_key_pem: publicKey.export({ type: 'spki', format: 'pem' }),
    });
    const ask = async (station: 'line-1' | 'line-2', action: string, list = 'a') => {
      const request = {
        station_id: station,
        action,
        batch_id: 'B7',
        list_sha256: list.repeat(64),
        ...(action === 'lease_batch' ? { seconds: 60 } : {}),
      };
      return leases.handle(await sign(request, station === 'line-1' ? stationKey : privateKey, station), 'r');
    };
    const first = await ask('line-1', 'lease_batch');
    expect(first).toEqual({ batch_id: 'B7', expires_at: '2026-03-01T08:01:00.000Z' });
    expect(await ask('line-1', 'lease_batch')).toEqual(first);
    await expect(ask('line-2', 'lease_batch')).rejects.toMatchObject({
      code: 'batch_leased',
      details: { station_id: 'line-1', expires_at: first.expires_at },
    });
    expect(await db('audit_log').where({ subject_id: 'B7' })).toEqual([
      expect.objectContaining({ actor_id: 'line-2', outcome: 'refused' }),
    ]);
    // Another list of the same batch is free, and what is not the station's own it cannot release.
    await ask('line-2', 'lease_batch', 'b');
    await ask('line-2', 'release_batch');
    await expect(ask('line-2', 'lease_batch')).rejects.toMatchObject({ code: 'batch_leased' });
    await ask('line-1', 'release_batch');
    await ask('line-2', 'lease_batch');
    const racing = await Promise.allSettled([
      ask('line-1', 'lease_batch', 'c'),
      ask('line-2', 'lease_batch', 'c'),
    ]);
    expect(racing.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    clock.advance(61_000);
    await ask('line-1', 'lease_batch');
  });

  it('are refused when stale, of another key, of another kind or of no station', async () => {
    const serial = await seedBoard();
    const request = { action: 'revoke_board', serial };
    await expect(
      change({ ...request, issued_at: new Date(clock.now().getTime() - 601_000).toISOString() }),
    ).rejects.toMatchObject({
      code: 'invalid_signature',
    });
    await expect(
      change({ ...request, issued_at: new Date(clock.now().getTime() + 601_000).toISOString() }),
    ).rejects.toMatchObject({
      code: 'invalid_signature',
    });
    await expect(change({ ...request, station_id: 'line-2' })).rejects.toMatchObject({
      code: 'invalid_signature',
    });
    await expect(change({ ...request, action: 'restore_board' })).rejects.toMatchObject({
      code: 'invalid_station_request',
    });
    const { privateKey } = generateKeyPairSync('ed25519');
    await expect(
      service.change(await sign({ ...request, operator: 'ana', reason: 'lost' }, privateKey), 'r'),
    ).rejects.toMatchObject({ code: 'invalid_signature' });
    await expect(service.change(fixture.jws, 'r')).rejects.toMatchObject({
      code: 'invalid_station_request',
    });
    await db('factory_stations').where({ station_id: 'line-1' }).update({ revoked_at: clock.now() });
    await expect(change(request)).rejects.toMatchObject({ code: 'unknown_station' });
    expect(await rowOf(serial)).toMatchObject({ status: 'provisioned' });
    await db('factory_stations').where({ station_id: 'line-1' }).update({ revoked_at: null });
  });
});
