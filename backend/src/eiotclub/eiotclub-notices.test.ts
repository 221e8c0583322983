import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createLogger } from '../kernel/logger.ts';
import { EiotclubNotices } from './eiotclub-notices.ts';
import { EiotclubSignatures } from './eiotclub-signatures.ts';
import { signNotification } from './signature.ts';
import { signedNotice } from './testing/signed-notice.ts';

const secret = 'a1b1c1d1';
const now = new Date('2026-03-01T08:00:00Z');
const nowSeconds = now.getTime() / 1_000;
const lines: string[] = [];
const destination = new Writable({
  write(chunk: Buffer, _encoding, done) {
    lines.push(chunk.toString());
    done();
  },
});
const signatures = new EiotclubSignatures({
  windowSeconds: 300,
  log: createLogger({ level: 'debug', destination }),
});
const verify = (rawBody: Buffer | string) =>
  signatures.verify({ rawBody: Buffer.from(rawBody), secret, now });
const fields = {
  id: 'e-1',
  event: 'CardStopped',
  timestamp: nowSeconds,
  nonce: 24523,
  iccid: '8944500102198304826',
};
const signed = (content: Record<string, unknown>) => signedNotice(content, secret);
const read = (content: Record<string, unknown>) =>
  new EiotclubNotices().read(Buffer.from(JSON.stringify(content)));

describe('a notification', () => {
  it.each([
    ['ok', signed(fields)],
    ['ok', signed({ ...fields, appkey: 'not signed' })],
    ['ok', signed({ ...fields, timestamp: String(nowSeconds) })],
    ['ok', signed({ ...fields, timestamp: nowSeconds - 300 })],
    ['ok', signed({ ...fields, timestamp: nowSeconds + 300 })],
    ['ok', signed(fields).replace(/"sign":"(\w+)"/, (_, hex: string) => `"sign":"${hex.toLowerCase()}"`)],
    ['stale', signed({ ...fields, timestamp: nowSeconds - 301 })],
    ['stale', signed({ ...fields, timestamp: nowSeconds + 301 })],
    ['wrong', signed(fields).replace('8944', '8945')],
    ['wrong', signedNotice(fields, 'another')],
    ['missing', JSON.stringify(fields)],
    ['missing', signed({ ...fields, timestamp: undefined })],
    ['malformed', signed({ ...fields, timestamp: 1e3 })],
    ['malformed', signed({ ...fields, timestamp: [nowSeconds] })],
    ['malformed', JSON.stringify({ ...fields, sign: 'AB' })],
    ['malformed', JSON.stringify({ ...fields, sign: 'é'.repeat(40) })],
    ['malformed', JSON.stringify({ ...fields, sign: 7 })],
    ['malformed', '[]'],
    ['malformed', 'null'],
    ['malformed', '{'],
    ['malformed', ''],
  ])('is %s: %s', (verdict, body) => {
    expect(verify(body)).toBe(verdict);
  });

  it('is checked over the digits it was written with', () => {
    const body = `{"id":"1","event":"X","timestamp":${nowSeconds},"eshopOrderId":9007199254740993,"v":1.00`;
    const sign = signNotification(
      { id: '1', event: 'X', timestamp: String(nowSeconds), eshopOrderId: '9007199254740993', v: '1.00' },
      secret,
    );
    expect(verify(`${body},"sign":"${sign}"}`)).toBe('ok');
  });

  it('leaves only the beginnings of two signatures in the log', () => {
    lines.length = 0;
    const body = signedNotice(fields, 'another');
    verify(body);
    const { sign } = JSON.parse(body) as { sign: string };
    expect(lines.join('')).toContain(sign.slice(0, 8));
    expect(lines.join('')).toContain('e-1');
    expect(lines.join('')).not.toContain(sign.slice(0, 9));
    expect(lines.join('')).not.toContain(secret);
    expect(lines.join('')).not.toContain(fields.iccid);
  });

  it('never throws and never lets in what the key holder did not sign', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (bytes) => {
          expect(verify(Buffer.from(bytes))).not.toBe('ok');
        },
      ),
    );
  });
});

describe('what a notification says', () => {
  it.each([
    [
      'FlowAlert',
      { alert_type: 1, alert_value: '98', iccid: fields.iccid },
      { kind: 'usage_alert', alert: 'below_100_mb' },
    ],
    [
      'CloudESimFlowAlert',
      { alert_type: '3', alert_value: '6', eid: '89'.repeat(16) },
      { kind: 'usage_alert', alert: 'below_7_days', about: [{ eid: '89'.repeat(16) }] },
    ],
    [
      'SubPkgList',
      { orderId: 9007199254740993n },
      { kind: 'order_changed', about: [{ orderId: '9007199254740993' }] },
    ],
    ['PkgEffective', { iccid: fields.iccid }, { kind: 'order_changed', about: [{ iccid: fields.iccid }] }],
    [
      'CloudESimPkgActivate',
      { data: { packageCode: 'P1', state: 1, outTradeNo: 'ab12' } },
      { kind: 'order_changed', about: [{ outTradeNo: 'ab12' }] },
    ],
    [
      'CloudESimRefund',
      { outTradeNo: 'ab12', orderAmount: '9.90', refundAmount: '9.90', eshopOrderId: 42 },
      { kind: 'order_refunded', about: [{ outTradeNo: 'ab12' }] },
    ],
    [
      'SubPkgList',
      { data: [{ iccid: fields.iccid, orderId: 7 }, { outTradeNo: 'ab12' }] },
      { kind: 'order_changed', about: [{ iccid: fields.iccid, orderId: '7' }, { outTradeNo: 'ab12' }] },
    ],
    ['CardStopped', { iccid: fields.iccid }, { kind: 'card_stopped' }],
    ['SomethingNew', { a: 'b&c=d' }, { kind: 'unknown', about: [] }],
    ['constructor', {}, { kind: 'unknown' }],
  ])('%s', (event, content, expected) => {
    const json = JSON.stringify({ ...fields, iccid: undefined, event, ...content }, (_key, value: unknown) =>
      typeof value === 'bigint' ? JSON.rawJSON(String(value)) : value,
    );
    const notice = new EiotclubNotices().read(Buffer.from(json));
    expect(notice).toMatchObject({ id: 'e-1', event, ...expected });
    expect(notice.kept).not.toHaveProperty('sign');
  });

  it.each([
    [
      'body.refundAmount',
      { event: 'CloudESimRefund', outTradeNo: 'ab', orderAmount: '9.90', refundAmount: '1.00&zz=2' },
    ],
    [
      'body.refundAmount',
      { event: 'CloudESimRefund', outTradeNo: 'ab', orderAmount: '9.90', refundAmount: '1' },
    ],
    [
      'body.outTradeNo',
      { event: 'CloudESimRefund', outTradeNo: 'a'.repeat(33), orderAmount: '9.90', refundAmount: '1.00' },
    ],
    ['body.iccid', { event: 'CardStopped', iccid: '89445' }],
    [
      'body.data.packageName',
      { event: 'CloudESimPkgActivate', data: { packageName: 'a=b', packageCode: 'P', state: 1 } },
    ],
    ['body.data', { event: 'CloudESimPkgActivate', data: '{"packageCode":"P","state":1}' }],
    ['body.id', { event: 'X', id: '' }],
    ['body.note', { event: 'X', note: '\0' }],
    ['body.note', { event: 'X', note: '\ud800' }],
  ])('is refused at %s', (path, content) => {
    let details: unknown;
    try {
      read({ ...fields, ...content });
    } catch (error) {
      ({ details } = error as { details: unknown });
    }
    expect(details).toEqual([expect.objectContaining({ path })]);
  });
});
