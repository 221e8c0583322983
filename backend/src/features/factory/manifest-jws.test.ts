import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import fixture from '@aovis/contracts/fixtures/manifest.v1.json' with { type: 'json' };
import { manifestJwsType } from '@aovis/contracts/provisioning';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { CompactSign, importJWK } from 'jose';
import { verifyManifest } from './manifest-jws.ts';
import { SignedTextRefused, stationOf as stationOfText } from './station-jws.ts';

const station = { stationId: 'line-1', publicKey: createPublicKey(fixture.station_public_key_pem) };
const [header = '', payload = '', signature = ''] = fixture.jws.split('.');

const stationOf = (jws: string): string => stationOfText(jws, manifestJwsType, 'invalid_manifest');

type SigningKey = Awaited<ReturnType<typeof importJWK>>;
let key: SigningKey;
beforeAll(async () => {
  key = await importJWK(fixture.station_private_jwk, 'EdDSA');
});

const sign = (content: unknown): Promise<string> =>
  new CompactSign(Buffer.from(JSON.stringify(content))).setProtectedHeader(fixture.header).sign(key);

async function refusalOf(jws: string): Promise<SignedTextRefused> {
  try {
    stationOf(jws);
    await verifyManifest(jws, station);
  } catch (error) {
    if (error instanceof SignedTextRefused) return error;
    throw error;
  }
  throw new Error('the manifest was taken');
}

it('takes the golden manifest', async () => {
  expect(stationOf(fixture.jws)).toBe('line-1');
  const { manifest, payloadSha256 } = await verifyManifest(fixture.jws, station);
  expect(manifest).toEqual(fixture.payload);
  expect(payloadSha256).toMatch(/^[0-9a-f]{64}$/);
});

it('an independent signer makes the same bytes', async () => {
  expect(await sign(fixture.payload)).toBe(fixture.jws);
});

describe('signature', () => {
  const tampered = Buffer.from(
    Buffer.from(payload, 'base64url').toString().replace('"code_epoch":1', '"code_epoch":9'),
  ).toString('base64url');
  it.each([
    ['a changed payload', `${header}.${tampered}.${signature}`],
    ['a changed signature', `${header}.${payload}.${'A'.repeat(86)}`],
    ['no signature', `${header}.${payload}.`],
    [
      'algorithm none',
      `${Buffer.from(JSON.stringify({ ...fixture.header, alg: 'none' })).toString('base64url')}.${payload}.`,
    ],
  ])('refuses %s', async (_, jws) => {
    expect((await refusalOf(jws)).code).toBe('invalid_signature');
  });

  it('refuses another key under the name of the station', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const jws = await new CompactSign(Buffer.from(JSON.stringify(fixture.payload)))
      .setProtectedHeader(fixture.header)
      .sign(privateKey);
    expect((await refusalOf(jws)).code).toBe('invalid_signature');
  });

  it('refuses a manifest that names another station than its signer', async () => {
    const refusal = await refusalOf(await sign({ ...fixture.payload, station_id: 'line-2' }));
    expect(refusal.code).toBe('invalid_signature');
    expect(refusal.message).toBe('the manifest is of station line-2, but line-1 signed it');
  });
});

describe('shape', () => {
  const [first, second] = fixture.payload.devices;
  const withDevices = (...devices: unknown[]) => ({ ...fixture.payload, devices });
  it.each([
    ['unknown fields', { ...fixture.payload, extra: 1 }, /extra/],
    ['no boards', withDevices(), /devices/],
    ['a serial of another board', withDevices({ ...first, serial: 'N4K-000999' }), /serial N4K-000999/],
    ['a foreign model', withDevices({ ...first, model: 'x1' }), /model x1/],
    [
      'a board twice',
      withDevices(first, { ...first, certificate_id: 'e'.repeat(64), iccid: undefined }),
      /device_id/,
    ],
    [
      'a certificate twice',
      withDevices(first, { ...second, certificate_id: first?.certificate_id }),
      /devices\.1: the same certificate_id as devices\.0/,
    ],
    ['a SIM twice', withDevices(first, { ...second, iccid: first?.iccid }), /same iccid/],
  ])('refuses %s', async (_, content, sentence) => {
    const refusal = await refusalOf(await sign(content));
    expect(refusal.code).toBe('invalid_manifest');
    expect(refusal.message).toMatch(sentence);
  });

  it.each(['', 'abc', 'a.b.c', '{}', `${header}.${payload}`])('refuses the text %j', async (text) => {
    expect((await refusalOf(text)).code).toBe('invalid_manifest');
  });

  it('refuses another type of token', async () => {
    const jws = await new CompactSign(Buffer.from('{}'))
      .setProtectedHeader({ alg: 'EdDSA', kid: 'line-1' })
      .sign(key);
    expect((await refusalOf(jws)).message).toMatch(/typ/);
  });

  it('refuses a text that names no station', async () => {
    const jws = await new CompactSign(Buffer.from('{}'))
      .setProtectedHeader({ alg: 'EdDSA', typ: 'aovis-manifest+jwt' })
      .sign(key);
    expect((await refusalOf(jws)).code).toBe('unknown_station');
  });
});
