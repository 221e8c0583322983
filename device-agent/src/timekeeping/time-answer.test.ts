import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock.ts';
import { type Issued, TestCa } from '../testing/test-pki.ts';
import { askTheTime, type TimeAnswer } from './time-answer.ts';

const day = 86_400_000;
const told = 'Thu, 20 May 2027 10:00:00 GMT';

let ca: TestCa;
let board: Issued;
let servers: Server[];
let asked: IncomingMessage[];

beforeEach(async () => {
  ca = await TestCa.create();
  board = await ca.issueClient({ commonName: 'aovis-n4k-000123' });
  servers = [];
  asked = [];
});

afterEach(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function serve({ certificate, privateKey }: Issued, date: string | undefined = told): Promise<number> {
  const identity = { cert: certificate, key: privateKey, ca: ca.certificate, requestCert: true };
  const server = createHttpsServer(identity, (request, response) => {
    asked.push(request);
    response.sendDate = false;
    if (date !== '') response.setHeader('date', date);
    response.writeHead(404, { connection: 'close' }).end('{"message":"Not found"}');
  });
  server.on('tlsClientError', () => {});
  return listen(server);
}

function ask(port: number, signal?: AbortSignal, rootCa = ca.certificate): Promise<TimeAnswer> {
  const descriptor = { endpoints: { iot: 'localhost:8883', credentials: `localhost:${port}` } };
  // Of a bundle no more than this is looked at.
  const bundle = { descriptor, ...board, rootCa } as Parameters<typeof askTheTime>[0];
  return askTheTime(bundle, new FakeClock(), signal);
}

describe('the time', () => {
  it('is what the credential provider says, with how long its certificates are valid', async () => {
    const notBefore = new Date(Math.floor(Date.now() / 1_000) * 1_000 - day);
    const notAfter = new Date(notBefore.getTime() + 20 * day);
    const port = await serve(await ca.issueServer({ notBefore, notAfter }));
    expect(await ask(port)).toEqual({
      from: `localhost:${port}`,
      time: Date.parse(told) + 500,
      receivedAt: 0,
      notBefore: expect.any(Number),
      notAfter: notAfter.getTime(),
    });
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /']);
    expect(asked.map(({ socket }) => (socket as TLSSocket).authorized)).toEqual([true]);
  });

  it.each([
    ['expired', -20, -10],
    ['not valid yet', 10, 20],
  ])('is heard from a server whose certificate is %s by this clock', async (_how, from, to) => {
    const notBefore = new Date(Date.now() + from * day);
    const port = await serve(await ca.issueServer({ notBefore, notAfter: new Date(Date.now() + to * day) }));
    expect((await ask(port)).time).toBe(Date.parse(told) + 500);
  });
});

describe('nobody else is asked', () => {
  it('than a server that the root of the bundle vouches for: it hears no request', async () => {
    const other = await TestCa.create();
    const port = await serve(await other.issueServer());
    await expect(ask(port)).rejects.toThrow(
      `localhost:${port} cannot be asked for the time (its certificate does not lead to root-ca.pem)`,
    );
    expect(asked).toEqual([]);
  });

  it('than one that tells the time', async () => {
    const port = await serve(await ca.issueServer(), '');
    await expect(ask(port)).rejects.toThrow('cannot be asked for the time (it does not say)');
  });

  it('than one that is there', async () => {
    const server = createServer();
    const port = await listen(server);
    servers = [];
    await new Promise((resolve) => server.close(resolve));
    await expect(ask(port)).rejects.toThrow(/cannot be asked for the time \(.*ECONNREFUSED/);
  });

  it('for longer than the agent runs', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}).resume());
    const port = await listen(silent);
    const stopping = new AbortController();
    const answer = ask(port, stopping.signal);
    await once(silent, 'connection');
    stopping.abort();
    await expect(answer).rejects.toThrow('cannot be asked for the time');
  });
});
