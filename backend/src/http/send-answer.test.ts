import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import express from 'express';
import { createLogger } from '../kernel/logger.ts';
import { errorHandler } from './error-handler.ts';
import { contextOf, requestContext } from './request-context.ts';
import { sendAnswer } from './send-answer.ts';

const pieceBytes = 64 * 1024;
let server: Server;
let source: () => Readable;
let hungUp: AbortSignal;

beforeEach(async () => {
  const app = express();
  app.use(requestContext(createLogger({ level: 'silent' })));
  app.get('/clip', async (request, response) => {
    ({ hungUp } = contextOf(request));
    await sendAnswer(
      response,
      { status: 200, body: source(), headers: { 'Content-Disposition': 'attachment' } },
      { binaryAnswer: 'video/mp4' },
    );
  });
  app.use(errorHandler);
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function ask(): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  const [answer] = (await once(
    get({ host: '127.0.0.1', port, path: '/clip', agent: false }),
    'response',
  )) as [IncomingMessage];
  return answer;
}

/** `once` would fail with the error that the source is ended with. */
const closing = (stream: Readable): Promise<void> =>
  new Promise((resolve) => void stream.once('close', () => resolve()));

it('sends a large body on as it comes, no faster than the client takes it', async () => {
  const pieces = 2_000;
  let made = 0;
  source = () =>
    new Readable({
      read() {
        this.push(made++ < pieces ? Buffer.alloc(pieceBytes) : null);
      },
    });
  const answer = await ask();
  expect(answer.headers).toMatchObject({ 'content-type': 'video/mp4', 'content-disposition': 'attachment' });
  let received = 0;
  let mostAhead = 0;
  for await (const piece of answer) {
    received += (piece as Buffer).length;
    mostAhead = Math.max(mostAhead, made * pieceBytes - received);
    await setImmediate();
  }
  expect(received).toBe(pieces * pieceBytes);
  // What lies between is in the buffers of the sockets; without back-pressure it would be all of the 125 MiB.
  expect(mostAhead).toBeLessThan(32 * 1024 * 1024);
  expect(hungUp.aborted).toBe(false);
});

it('ends the source at once when the client leaves, though it is waiting for more', async () => {
  const stalled = new Readable({ read() {} });
  stalled.push(Buffer.alloc(pieceBytes));
  source = () => stalled;
  const answer = await ask();
  await once(answer, 'data');
  const closed = closing(stalled);
  answer.destroy();
  await closed;
  expect(hungUp.aborted).toBe(true);
});

it('ends the source when the client left before there was one', async () => {
  const late = new Readable({ read() {} });
  const { port } = server.address() as AddressInfo;
  const asked = new Promise<void>((resolve) => {
    source = () => {
      request.destroy();
      resolve();
      return late;
    };
  });
  const request = get({ host: '127.0.0.1', port, path: '/clip', agent: false });
  request.on('error', () => {});
  const closed = closing(late);
  await asked;
  await closed;
});

it('cuts the connection when the source fails half-way: half a clip is not taken for a clip', async () => {
  const failing = new Readable({ read() {} });
  failing.push(Buffer.alloc(pieceBytes));
  source = () => failing;
  const answer = await ask();
  await once(answer, 'data');
  const cut = once(answer, 'error');
  failing.destroy(new Error('the service went away'));
  expect((await cut)[0]).toMatchObject({ code: 'ECONNRESET' });
  expect(answer.complete).toBe(false);
});

it('answers HEAD without the body', async () => {
  const unread = new Readable({ read() {} });
  source = () => unread;
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/clip`, { method: 'HEAD' });
  expect(answer.headers.get('content-type')).toBe('video/mp4');
  expect(unread.destroyed).toBe(true);
});
