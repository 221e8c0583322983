import { expect, it } from '@jest/globals';
import { testEnvironment } from '../testing/test-environment.ts';
import { isLiveKey, loadConfig } from './config.ts';

const development = testEnvironment('postgres://aovis:a-long-random-one@127.0.0.1:5432/aovis');
const production = {
  ...development,
  AOVIS_ENVIRONMENT: 'production',
  AOVIS_PUBLIC_URL: 'https://api.example.com',
  AOVIS_IOT_DATA_URL: 'https://iot.example.com',
};
const live = {
  AOVIS_STRIPE_SECRET_KEY: 'sk_live_0123456789',
  AOVIS_STRIPE_WEBHOOK_SECRET: 'whsec_0123456789abcdef',
};

it('can do without a shop, have one, and have one of Stripe’s stand-ins', () => {
  for (const environment of [
    production,
    { ...production, ...live },
    { ...development, AOVIS_STRIPE_SECRET_KEY: 'sk_test_0123456789', AOVIS_STRIPE_URL: 'http://127.0.0.1:1' },
  ])
    expect(() => loadConfig(environment)).not.toThrow();
});

it.each([
  ['a key that is none', { AOVIS_STRIPE_SECRET_KEY: 'pk_live_0123456789' }, /is no secret key of Stripe/],
  ['a webhook secret that is none', { AOVIS_STRIPE_WEBHOOK_SECRET: 'sk_live_01' }, /begins with whsec_/],
  ['a test key in production', { AOVIS_STRIPE_SECRET_KEY: 'sk_test_0123456789' }, /needs a live one/],
  [
    'payments that nobody would notice',
    { AOVIS_STRIPE_WEBHOOK_SECRET: '' },
    /paid orders would go unnoticed/,
  ],
  [
    'data plans whose payment nobody would notice',
    { EIOTCLUB_APP_KEY: 'aovis', EIOTCLUB_SECRET: 'a1b1c1d1' },
    /AOVIS_STRIPE_DATA_PLAN_WEBHOOK_SECRET is missing/,
  ],
  [
    'one signing secret for both endpoints',
    { AOVIS_STRIPE_DATA_PLAN_WEBHOOK_SECRET: live.AOVIS_STRIPE_WEBHOOK_SECRET },
    /each endpoint at Stripe has its own/,
  ],
  ['another address for real money', { AOVIS_STRIPE_URL: 'https://stripe.example' }, /is for tests/],
  ['no country', { AOVIS_SHIPPING_COUNTRIES: 'America' }, /two-letter code/],
])('refuses %s', (_, change, sentence) => {
  expect(() => loadConfig({ ...production, ...live, ...change })).toThrow(sentence);
});

it('tells real money from play money', () => {
  expect([
    isLiveKey('sk_live_x'),
    isLiveKey('rk_live_x'),
    isLiveKey('sk_test_x'),
    isLiveKey(undefined),
  ]).toEqual([true, true, false, false]);
});
