import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { z } from 'zod';
import { HttpAnswer, HttpRefusal } from './http-answer.ts';
import { RouteServer } from './route-server.ts';

describe('RouteServer', () => {
  let server: RouteServer;
  beforeEach(async () => {
    server = new RouteServer(pino({ level: 'silent' }));
    server.mount([
      { method: 'GET', path: '/page', summary: '', handle: () => HttpAnswer.html('<p>hello') },
      { method: 'GET', path: '/items/{id}', summary: '', handle: ({ params }) => params },
      {
        method: 'POST',
        path: '/items',
        summary: '',
        handle: ({ body }) => z.object({ n: z.int() }).parse(body),
      },
      { method: 'DELETE', path: '/items', summary: '', handle: () => undefined },
      {
        method: 'GET',
        path: '/refused',
        summary: '',
        handle: () => {
          throw new HttpRefusal(409, 'not twice');
        },
      },
    ]);
    await server.start(0);
  });
  afterEach(() => server.stop());

  const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    fetch(`${server.url}/items`, { method: 'POST', body, headers });

  it('answers JSON, pages and nothing', async () => {
    expect(await (await fetch(`${server.url}/items/a%2Fb`)).json()).toEqual({ id: 'a/b' });
    expect((await fetch(`${server.url}/page`)).headers.get('content-type')).toMatch(/^text\/html/);
    expect(await (await post('{"n":1}')).json()).toEqual({ n: 1 });
    expect((await fetch(`${server.url}/items`, { method: 'DELETE' })).status).toBe(204);
  });

  it('refuses in sentences', async () => {
    const statuses = [
      (await post('{"n":"x"}')).status,
      (await post('{"n":')).status,
      (await post('{}', { 'content-type': 'text/plain' })).status,
      (await post(`"${'x'.repeat(1024 * 1024)}"`)).status,
      (await fetch(`${server.url}/nowhere`)).status,
      (await fetch(`${server.url}/page`, { method: 'POST' })).status,
      (await fetch(`${server.url}/items/%zz`)).status,
    ];
    expect(statuses).toEqual([400, 400, 415, 413, 404, 405, 404]);
    expect(await (await fetch(`${server.url}/refused`)).json()).toEqual({ message: 'not twice' });
  });

  it('is not for pages of other origins, nor under another name (DNS rebinding)', async () => {
    expect(
      (await post('{"n":1}', { 'content-type': 'application/json', origin: 'http://evil.example' })).status,
    ).toBe(403);
    const status = await new Promise((resolve, reject) => {
      request({ port: server.port, host: '127.0.0.1', path: '/page', headers: { host: 'evil.example' } })
        .once('response', (response) => {
          text(response).then(() => resolve(response.statusCode), reject);
        })
        .once('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });
});
