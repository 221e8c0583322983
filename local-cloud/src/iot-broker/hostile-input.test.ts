import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { everythingPolicy, type TestBoard, TestCloud } from './testing/test-cloud.ts';

let cloud: TestCloud;
let board: TestBoard;

/** CONNECT of `board-1`, clean session, keep-alive 60. */
const connect = Buffer.from('101300044d5154540402003c0007626f6172642d31', 'hex');

/** Sends the bytes on a connection of its own, and gives the broker time to look at all of them. */
async function throwAt(bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = tlsConnect({
      host: 'localhost',
      port: cloud.broker.port,
      ca: cloud.environment.pki.rootCaPem,
      key: board.keyPem,
      cert: board.certificatePem,
      servername: 'localhost',
    });
    socket.on('error', () => undefined);
    socket.once('close', () => resolve());
    socket.resume();
    // Half-closing lets the broker read to the end before it closes its side.
    socket.once('secureConnect', () => socket.end(bytes));
  });
}

async function stillServes(): Promise<void> {
  const client = await cloud.connect(board);
  await client.publishAsync('a', 'x', { qos: 1 });
  await client.endAsync();
}

describe('the broker outlives', () => {
  beforeAll(async () => {
    cloud = await TestCloud.start();
    board = await cloud.board('board-1', { policy: everythingPolicy });
  });
  afterAll(async () => cloud.stop());

  it.each<[string, string]>([
    ['PUBREL of nothing', '62020001'],
    ['PUBREC of nothing', '50020001'],
    ['PUBCOMP of nothing', '70020001'],
    ['PUBACK of nothing', '40020009'],
    ['CONNACK from a client', '20020000'],
    ['a second CONNECT', connect.toString('hex')],
    ['a packet type that is none', 'f000'],
    ['a SUBSCRIBE without filters', '82020001'],
    ['a SUBSCRIBE to an empty filter', '820500010000' + '01'],
    ['a SUBSCRIBE to a#b', '8208000100036123' + '6201'],
    ['an UNSUBSCRIBE of nothing', 'a2020001'],
    ['a PUBLISH without a topic', '30020000'],
    ['a PUBLISH to a wildcard', '30050003612f23'],
    ['a topic that is no UTF-8', '3004' + '0002ffff'],
    ['a length without end', '30ffffffffff'],
    ['half a packet', '30ff7f0001'],
  ])('%s', async (_, hex) => {
    await throwAt(Buffer.concat([connect, Buffer.from(hex, 'hex')]));
    await throwAt(Buffer.from(hex, 'hex'));
    await stillServes();
  });

  it('any bytes at all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 64 }), async (connected, bytes) => {
        await throwAt(connected ? Buffer.concat([connect, bytes]) : bytes);
      }),
      { numRuns: 60 },
    );
    await stillServes();
    expect(cloud.broker.connections()).toEqual([]);
  }, 30_000);
});
