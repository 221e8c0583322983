import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkSignature, signatureOf } from './signature.ts';

const key = 'a shared key of the forwarder';
const now = new Date(1_700_000_000_000);
const timestamp = '1700000000';
const rawBody = Buffer.from('{"kind":"event"}');
const signature = signatureOf(timestamp, rawBody, key);
const good = { timestamp, signature, rawBody };

it('agrees with a published HMAC-SHA256 implementation', () => {
  // printf '1700000000.{"kind":"event"}' | openssl dgst -sha256 -hmac 'a shared key of the forwarder'
  expect(signature).toBe('043bc96370555c268e5ae7aea012c12c17511a1a603af94c8d11034d27cac29e');
});

it.each([
  ['as it was signed', good, 'ok'],
  ['in capitals', { ...good, signature: signature.toUpperCase() }, 'ok'],
  ['no signature', { ...good, signature: undefined }, 'missing'],
  ['no timestamp', { ...good, timestamp: undefined }, 'missing'],
  ['empty signature', { ...good, signature: '' }, 'malformed'],
  ['one digit short', { ...good, signature: signature.slice(1) }, 'malformed'],
  ['one digit long', { ...good, signature: `${signature}0` }, 'malformed'],
  ['no hex', { ...good, signature: 'g'.repeat(64) }, 'malformed'],
  ['unicode of the right length', { ...good, signature: 'é'.repeat(64) }, 'malformed'],
  ['fractional timestamp', { ...good, timestamp: '1700000000.5' }, 'malformed'],
  ['negative timestamp', { ...good, timestamp: '-1' }, 'malformed'],
  ['another body', { ...good, rawBody: Buffer.from('{"kind":"lwt"}') }, 'wrong'],
  ['another second', { ...good, timestamp: '1700000001' }, 'wrong'],
])('%s', (_, request, verdict) => {
  expect(checkSignature(request, [key], now)).toBe(verdict);
});

it.each([
  [-301, 'stale'],
  [-300, 'ok'],
  [300, 'ok'],
  [301, 'stale'],
])('signed %i s from now: %s', (offset, verdict) => {
  const then = String(1_700_000_000 + offset);
  const request = { timestamp: then, signature: signatureOf(then, rawBody, key), rawBody };
  expect(checkSignature(request, [key], now)).toBe(verdict);
});

it('takes the old key while it changes, and no other', () => {
  expect(checkSignature(good, ['the new key', key], now)).toBe('ok');
  expect(checkSignature(good, ['the new key', 'another'], now)).toBe('wrong');
  expect(checkSignature(good, [], now)).toBe('wrong');
});

it('never throws and never lets anything else in', () => {
  const header = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
  fc.assert(
    fc.property(header, header, fc.uint8Array(), (someTimestamp, someSignature, bytes) => {
      const request = { timestamp: someTimestamp, signature: someSignature, rawBody: Buffer.from(bytes) };
      expect(checkSignature(request, [key], now)).not.toBe('ok');
    }),
  );
});
