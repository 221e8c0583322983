import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { StunServer, stunAnswer } from './stun-server.ts';

const from = { address: '192.0.2.1', port: 32_853 };
/** The transaction of the sample response of RFC 5769, section 2.2. */
const transaction = 'b7e7a701bc34d686fa87dfae';
const request = (type: string) => Buffer.from(`${type}00002112a442${transaction}`, 'hex');

it('answers a binding with the address of RFC 5769, section 2.2', () => {
  expect(stunAnswer(request('0001'), from)?.toString('hex')).toBe(
    `0101000c2112a442${transaction}002000080001a147e112a643`,
  );
});

it('refuses an allocation at once', () => {
  const answer = stunAnswer(request('0003'), from);
  expect(answer?.readUInt16BE(0)).toBe(0x0113);
  expect(answer?.subarray(24, 28)).toEqual(Buffer.from([0, 0, 5, 8]));
  expect(answer?.length).toBe(20 + (answer?.readUInt16BE(2) ?? 0));
});

it('is silent for whatever else comes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(stunAnswer(Buffer.from(bytes), from)).toBeUndefined();
    }),
  );
  expect(stunAnswer(request('0101'), from)).toBeUndefined();
});

it('serves on UDP until it is stopped, and may be stopped twice', async () => {
  const server = new StunServer();
  await server.start();
  const client = createSocket('udp4');
  client.send(request('0001'), server.port, '127.0.0.1');
  const [answer] = (await once(client, 'message')) as [Buffer];
  expect(answer.readUInt16BE(0)).toBe(0x0101);
  client.close();
  await server.stop();
  await server.stop();
  expect(server.port).toBe(0);
});
