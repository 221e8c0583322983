import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { drain } from './drain.ts';

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('a server that ends', () => {
  it('resets no kept-alive connection under a client that is busy on it', async () => {
    const server = createServer((_request, response) => {
      setImmediate(() => response.end('ok'));
    });
    const port = await listening(server);
    const agent = new Agent({ keepAlive: true });
    let answered = 0;
    const lost: unknown[] = [];
    const ask = (): Promise<boolean> =>
      new Promise((resolve) => {
        const request = get({ agent, port, host: '127.0.0.1' }, (response: IncomingMessage) => {
          response.resume().once('end', () => {
            answered += 1;
            resolve(true);
          });
        });
        request.once('error', (error) => {
          if (request.reusedSocket) lost.push(error);
          resolve(false);
        });
      });
    const client = async (): Promise<void> => {
      while (await ask());
    };
    const clients = Array.from({ length: 10 }, client);
    await once(server, 'request');
    await drain(server, { leaveMs: 100, endMs: 1_000 });
    await Promise.all(clients);
    agent.destroy();
    expect(lost).toEqual([]);
    expect(answered).toBeGreaterThan(10);
  });

  it('lets a request under way end, and cuts what does not', async () => {
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
    const { promise: finish, resolve: onFinish } = Promise.withResolvers<void>();
    const server = createServer((request, response) => {
      if (request.url === '/never') return;
      onAsked();
      void finish.then(() => response.end('done'));
    });
    const port = await listening(server);
    const answer = fetch(`http://127.0.0.1:${port}/`);
    const stuck = connect(port, '127.0.0.1', () => stuck.write('GET /never HTTP/1.1\r\nHost: x\r\n\r\n'));
    await asked;
    const drained = drain(server, { leaveMs: 10, endMs: 200 });
    onFinish();
    expect(await (await answer).text()).toBe('done');
    await Promise.all([
      drained,
      once(
        stuck.on('error', () => {}),
        'close',
      ),
    ]);
  });

  it('does not wait when nobody is connected', async () => {
    const server = createServer();
    await listening(server);
    await drain(server, { leaveMs: 3_600_000, endMs: 3_600_000 });
    expect(server.listening).toBe(false);
  });
});
