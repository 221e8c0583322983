import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import deviceJson from '../fixtures/device-json.v1.json' with { type: 'json' };
import manifestFixture from '../fixtures/manifest.v1.json' with { type: 'json' };
import { activationCodeDigest, readActivationCode } from './activation-code.ts';
import { channelNameOf, deviceIdOf, modelOf, serialOf, streamNameOf } from './ids.ts';
import { bundleDescriptorSchema, manifestJwsType, manifestSchema } from './provisioning.ts';

const { activation_code_digest: _digest, ...withoutDigest } = manifestFixture.payload.devices[0] ?? {};

describe('device.json', () => {
  it('fits its golden example, whose names follow from one another', () => {
    const descriptor = bundleDescriptorSchema.parse(deviceJson);
    expect(descriptor).toEqual(deviceJson);
    expect(deviceIdOf(descriptor.serial)).toBe(descriptor.device_id);
    expect(serialOf(descriptor.device_id)).toBe(descriptor.serial);
    expect(modelOf(descriptor.device_id)).toBe(descriptor.model);
    expect(streamNameOf(descriptor.device_id)).toBe(descriptor.stream);
    expect(channelNameOf(descriptor.device_id)).toBe(descriptor.channel);
  });

  it.each([
    ['an unknown field', { activation_code: 'X' }],
    ['another version', { schema_version: 2 }],
    ['a device id with a path in it', { device_id: '../etc' }],
    ['a region that is none', { region: 'Frankfurt' }],
    ['an endpoint with a scheme', { endpoints: { ...deviceJson.endpoints, iot: 'https://iot.example' } }],
    ['a missing endpoint', { endpoints: { iot: 'iot.example' } }],
  ])('with %s is refused', (_, change) => {
    expect(bundleDescriptorSchema.safeParse({ ...deviceJson, ...change }).success).toBe(false);
  });
});

describe('a hash manifest', () => {
  it('fits its golden example: payload, signature, digests', () => {
    const { payload, jws, header, station_public_key_pem: publicKey } = manifestFixture;
    const [protectedHeader = '', body = '', signature = ''] = jws.split('.');
    expect(JSON.parse(Buffer.from(protectedHeader, 'base64url').toString())).toEqual(header);
    expect(header.typ).toBe(manifestJwsType);
    expect(manifestSchema.parse(JSON.parse(Buffer.from(body, 'base64url').toString()))).toEqual(payload);
    expect(
      verify(
        null,
        Buffer.from(`${protectedHeader}.${body}`),
        createPublicKey(publicKey),
        Buffer.from(signature, 'base64url'),
      ),
    ).toBe(true);
    for (const [serial, typed] of Object.entries(manifestFixture.activation_codes)) {
      const reading = readActivationCode(typed);
      const device = payload.devices.find((candidate) => candidate.serial === serial);
      expect(reading.ok && activationCodeDigest(serial, reading.code)).toBe(device?.activation_code_digest);
    }
  });

  it.each([
    ['no device', { devices: [] }],
    ['a manifest id that is no ULID', { manifest_id: 'first' }],
    ['a batch id with a path in it', { batch_id: '../B1' }],
    ['an unknown field', { note: 'x' }],
    ['a board with neither digest nor code', { devices: [withoutDigest] }],
    [
      'a board with a new code that keeps its old one',
      { devices: [{ ...manifestFixture.payload.devices[0], activation_code: 'printed' }] },
    ],
    ['a code in clear', { devices: [{ ...manifestFixture.payload.devices[0], activation_code: 'X' }] }],
    [
      'a digest that is none',
      { devices: [{ ...manifestFixture.payload.devices[0], activation_code_digest: 'ABC' }] },
    ],
  ])('with %s is refused', (_, change) => {
    expect(manifestSchema.safeParse({ ...manifestFixture.payload, ...change }).success).toBe(false);
  });
});
