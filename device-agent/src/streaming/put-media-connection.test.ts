import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import type { Ack } from './ack-parser.ts';
import { type ConnectionEnd, openPutMedia } from './put-media-connection.ts';

/** A host below HTTP: the test writes its answer byte by byte. */
let server: Server;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  const closed = once(server, 'close');
  server.close();
  await closed;
});

async function connect(scheme: 'http' | 'https') {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const clock = new FakeClock();
  const acks: Ack[] = [];
  let end: (end: ConnectionEnd) => void = () => undefined;
  const ended = new Promise<ConnectionEnd>((resolve) => {
    end = resolve;
  });
  const connection = await openPutMedia({
    endpoint: new URL(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`),
    streamName: 'x',
    region: 'eu-central-1',
    credentials: { accessKeyId: 'A', secretAccessKey: 's', sessionToken: 't', expiresAt: new Date(0) },
    producerStartMs: 1_600_994_737_005,
    clock,
    userAgent: 'test',
    listener: {
      onAccepted: () => undefined,
      onAck: (ack) => acks.push(ack),
      onDrain: () => undefined,
      onEnd: end,
    },
  });
  await accepted;
  return { clock, acks, ended, connection, socket: sockets[0] as Socket };
}

const headers = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

it('hears acknowledgements, split anywhere, before its body has ended', async () => {
  const { socket, acks, ended, connection } = await connect('http');
  connection.write(Buffer.from('media'));
  socket.write(`${headers}${chunk('{"EventType":"BUFF')}`);
  socket.write(`${chunk('ERING","FragmentTimecode":5}\n{"EventType":"IDLE"}\n')}0\r\n\r\n`);
  expect(await ended).toEqual({ kind: 'ended', reason: 'the service ended the connection' });
  expect(acks).toEqual([{ EventType: 'BUFFERING', FragmentTimecode: 5 }, { EventType: 'IDLE' }]);
});

it('sends the start time in seconds with three decimals', async () => {
  const { socket, connection } = await connect('http');
  const [request] = (await once(socket, 'data')) as [Buffer];
  expect(request.toString()).toContain('x-amzn-producer-start-timestamp: 1600994737.005\r\n');
  connection.close();
});

it.each([
  ['an answer that is no acknowledgement', `${headers}${chunk('<html>')}`, 'ended'],
  ['a reset after the first acknowledgements', `${headers}${chunk('{"EventType":"IDLE"}')}RESET`, 'broken'],
  ['an answer that is no HTTP', 'SSH-2.0\r\n\r\n', 'broken'],
])('ends at %s', async (_, answer, kind) => {
  const { socket, ended } = await connect('http');
  await new Promise((resolve) => socket.write(answer.replace('RESET', ''), resolve));
  if (answer.endsWith('RESET')) socket.resetAndDestroy();
  expect((await ended).kind).toBe(kind);
});

it('passes on why it was refused', async () => {
  const { socket, ended } = await connect('http');
  socket.end(
    'HTTP/1.1 400 Bad Request\r\nx-amzn-ErrorType: InvalidEndpointException:http://internal\r\nContent-Length: 2\r\n\r\n{}',
  );
  expect(await ended).toEqual({ kind: 'refused', status: 400, exception: 'InvalidEndpointException' });
});

it('leaves nothing on its way when it closes: what its kernel still holds never arrives', async () => {
  const { socket, connection } = await connect('http');
  await once(socket, 'data');
  socket.pause();
  connection.write(Buffer.alloc(8_000_000));
  let failure: NodeJS.ErrnoException | undefined;
  socket.on('error', (error) => {
    failure = error;
  });
  const closed = new Promise((resolve) => socket.on('close', resolve));
  connection.close();
  socket.resume();
  await closed;
  expect(failure?.code).toBe('ECONNRESET');
});

it('gives up on a host that accepts the connection but not TLS', async () => {
  const { clock, ended } = await connect('https');
  await settle();
  await clock.advance(5_000);
  expect(await ended).toMatchObject({ kind: 'broken', reason: expect.stringContaining('within 5 s') });
});
