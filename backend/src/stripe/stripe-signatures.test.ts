import { expect, it } from '@jest/globals';
import Stripe from 'stripe';
import { StripeSignatures } from './stripe-signatures.ts';

const secret = 'whsec_4f1d0c6b27a94e83';
const now = new Date('2026-03-01T08:00:00Z');
const nowSeconds = now.getTime() / 1_000;
const payload = '{"id":"evt_1","note":"ümläut"}';

const sign = (timestamp = nowSeconds, key = secret): string =>
  Stripe.webhooks.generateTestHeaderString({ payload, secret: key, timestamp });
const verify = (signature: string | undefined, body: string | Buffer = payload) =>
  new StripeSignatures().verify({ rawBody: Buffer.from(body), signature, secret, now });

it('takes what Stripe’s library signed, up to five minutes off, old or ahead', () => {
  for (const seconds of [0, -300, 300]) expect(verify(sign(nowSeconds + seconds))).toBe('ok');
});

it('takes one good signature of two while a secret is replaced', () => {
  const [, other] = sign(nowSeconds, 'whsec_older').split(',');
  expect(verify(`${sign()},${other}`)).toBe('ok');
});

it.each([
  ['stale', sign(nowSeconds - 301)],
  ['stale', sign(nowSeconds + 301)],
  ['wrong', sign(nowSeconds, 'whsec_another')],
  ['missing', undefined],
  ['missing', ''],
  ['malformed', 'v1=00'],
  ['malformed', 't=,v1=00'],
  ['malformed', 't=NaN,v1=00'],
  ['malformed', `${sign()},t=${nowSeconds}`],
  ['wrong', `t=${nowSeconds},v1=${'a'.repeat(64)}`],
  ['wrong', `t=${nowSeconds}`],
  ['wrong', `t=${nowSeconds},v0=00`],
  ['malformed', `t=${nowSeconds},v1=`],
  ['malformed', `t=${nowSeconds},v1=${'a'.repeat(63)}`],
  ['malformed', `t=${nowSeconds},v1=${'a'.repeat(65)}`],
  ['malformed', `t=${nowSeconds},v1=${'é'.repeat(64)}`],
])('calls it %s: %s', (verdict, signature) => {
  expect(verify(signature)).toBe(verdict);
});

it('refuses a body that differs by a byte, was written anew, or is empty', () => {
  expect(verify(sign(), payload.replace('1', '2'))).toBe('wrong');
  expect(verify(sign(), JSON.stringify(JSON.parse(payload), null, 1))).toBe('wrong');
  expect(verify(sign(), '')).toBe('wrong');
});
