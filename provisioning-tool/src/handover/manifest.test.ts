import { createPrivateKey } from 'node:crypto';
import manifestFixture from '@aovis/contracts/fixtures/manifest.v1.json' with { type: 'json' };
import { ulidSchema } from '@aovis/contracts/ids';
import { manifestSchema } from '@aovis/contracts/provisioning';
import { describe, expect, it } from '@jest/globals';
import { decodeTime } from 'ulid';
import type { BoardIssued } from '../journal/records.ts';
import { boardsPerManifest, manifestIdOf, signManifest } from './manifest.ts';

const board = (n: number): BoardIssued => ({
  type: 'board_issued',
  batch_id: 'B-1',
  serial: `N4K-${String(n).padStart(6, '0')}`,
  model: 'n4k',
  iccid: '8944500102198304826',
  certificate_id: 'c'.repeat(64),
  public_key_sha256: 'd'.repeat(64),
  activation_code_digest: 'e'.repeat(64),
  code_epoch: 1,
});
const startedAt = Date.parse('2026-03-01T08:00:00Z');

describe('manifests', () => {
  it('are signed as in the golden example, byte for byte', async () => {
    const { payload, jws, station_private_jwk: jwk, header } = manifestFixture;
    const key = createPrivateKey({ key: jwk, format: 'jwk' });
    const station = { stationId: header.kid, publicKeyPem: '', publicKeySha256: '', key };
    expect(await signManifest(manifestSchema.parse(payload), station)).toBe(jws);
  });

  it('have an id that follows from batch and boards, and is a ULID of the batch start', () => {
    const id = manifestIdOf('B-1', startedAt, [board(1), board(2)]);
    expect(ulidSchema.parse(id)).toBe(id);
    expect(decodeTime(id)).toBe(startedAt);
    expect(manifestIdOf('B-1', startedAt, [board(1), board(2)])).toBe(id);
    expect(manifestIdOf('B-2', startedAt, [board(1), board(2)])).not.toBe(id);
    expect(manifestIdOf('B-1', startedAt, [board(1)])).not.toBe(id);
  });

  it('stay below what the backend takes', async () => {
    const key = createPrivateKey({ key: manifestFixture.station_private_jwk, format: 'jwk' });
    const jws = await signManifest(
      manifestSchema.parse({
        schema_version: 1,
        manifest_id: '01JB0000000000000000000001',
        station_id: 'line-1',
        batch_id: 'B'.repeat(64),
        created_at: '2026-03-01T08:00:00.000Z',
        devices: Array.from({ length: boardsPerManifest }, (_, i) => {
          const { type: _type, batch_id: _batch, public_key_sha256: _key, ...device } = board(i);
          return { ...device, device_id: `aovis-n4k-${String(i).padStart(6, '0')}` };
        }),
      }),
      { stationId: 'line-1', publicKeyPem: '', publicKeySha256: '', key },
    );
    expect(JSON.stringify({ manifest: jws, dry_run: true }).length).toBeLessThan(250_000);
  });
});
