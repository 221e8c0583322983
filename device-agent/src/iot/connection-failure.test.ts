import { describe, expect, it } from '@jest/globals';
import { type ConnectionEnd, classifyEnd, type FailureCode } from './connection-failure.ts';

const end = (changes: Partial<ConnectionEnd>): ConnectionEnd => ({
  host: 'cloud.example',
  port: 8883,
  clientId: 'aovis-n4k-000123',
  secured: false,
  accepted: false,
  pendingFilters: [],
  pendingTopics: [],
  ...changes,
});
const withCode = (code: string | number): Error => Object.assign(new Error(`failed: ${code}`), { code });

describe('the class of an end', () => {
  const cases: [string, Partial<ConnectionEnd>, FailureCode][] = [
    ['no route', { error: withCode('EHOSTUNREACH') }, 'network'],
    ['nothing known before TLS', {}, 'network'],
    ['no such name', { error: withCode('ENOTFOUND') }, 'dns'],
    ['DNS does not answer', { error: withCode('EAI_AGAIN') }, 'dns'],
    ['no CONNACK', { error: new Error('connack timeout'), secured: true }, 'timeout'],
    ['no PINGRESP', { error: new Error('Keepalive timeout'), secured: true, accepted: true }, 'timeout'],
    ['a login page', { error: withCode('ERR_SSL_WRONG_VERSION_NUMBER') }, 'captive-network'],
    ['a foreign server', { error: withCode('SELF_SIGNED_CERT_IN_CHAIN') }, 'server-untrusted'],
    ['another name', { error: withCode('ERR_TLS_CERT_ALTNAME_INVALID') }, 'server-untrusted'],
    ['a server from the future', { error: withCode('CERT_NOT_YET_VALID') }, 'clock-wrong'],
    ['a server from the past', { error: withCode('CERT_HAS_EXPIRED') }, 'clock-wrong'],
    [
      'our expired certificate',
      { error: withCode('ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED') },
      'certificate-expired',
    ],
    [
      'our expired certificate, by a later OpenSSL',
      { secured: true, error: withCode('ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED') },
      'certificate-expired',
    ],
    [
      'an unregistered certificate, by alert',
      { error: withCode('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA') },
      'certificate-rejected',
    ],
    ['an unregistered certificate, by silence', { secured: true }, 'certificate-rejected'],
    [
      'our certificate, expired by our clock, by silence',
      { secured: true, certificateExpired: true },
      'certificate-expired',
    ],
    [
      'an unregistered certificate, by reset',
      { secured: true, error: withCode('ECONNRESET') },
      'certificate-rejected',
    ],
    ['CONNACK 5', { secured: true, error: withCode(5) }, 'refused'],
    ['closed on a SUBSCRIBE', { secured: true, accepted: true, pendingFilters: ['a'] }, 'forbidden'],
    ['closed on a PUBLISH', { secured: true, accepted: true, pendingTopics: ['a'] }, 'forbidden'],
    [
      'cut during a PUBLISH',
      { secured: true, accepted: true, pendingTopics: ['a'], error: withCode('ECONNRESET') },
      'network',
    ],
    ['closed', { secured: true, accepted: true }, 'closed'],
  ];
  it.each(cases)('%s', (_name, changes, code) => {
    const failure = classifyEnd(end(changes));
    expect(failure.code).toBe(code);
    expect(failure.sentence).toMatch(/^[A-Z].*\.$|^cloud\.example.*\.$/);
    // What to do, or that there is nothing to be done.
    expect(failure.sentence).toMatch(/check|set the clock|provision|Sign in|Stop it|by itself/);
  });
});
