import { beforeEach, describe, expect, it } from '@jest/globals';
import { ApiError, dataOf } from './api-error.ts';
import { type ApiClient, createApiClient, tokensOf } from './client.ts';
import { allPages } from './pages.ts';
import { MemoryTokenStore } from './token-refresh.ts';

const user = { id: '7f1f6f2c-8a51-4f6e-9d06-0d9f4bb0a6a1' };
const refusal = (code: string) => ({ error: { code, message: `It says ${code}.`, request_id: 'r-1' } });

/** Answers as the backend does: an access token `a<n>` is good while the generation is n. */
class FakeBackend {
  generation = 1;
  signedOut = false;
  readonly seen: { method: string; path: string; authorization: string | null; body: string }[] = [];

  readonly fetch = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname;
    const authorization = request.headers.get('Authorization');
    const body = await request.text();
    this.seen.push({ method: request.method, path, authorization, body });
    if (path === '/api/auth/app-token/refresh') return this.#refresh(body);
    if (authorization !== `Bearer a${this.generation}` || this.signedOut)
      return Response.json(refusal('unauthorized'), { status: 401 });
    return Response.json(body === '' ? { devices: [], next_cursor: null } : JSON.parse(body));
  };

  #refresh(body: string): Response {
    const { refresh_token: token } = JSON.parse(body) as { refresh_token: string };
    if (this.signedOut || token !== `r${this.generation}`)
      return Response.json(refusal('invalid_token'), { status: 401 });
    this.generation += 1;
    return Response.json(pair(this.generation));
  }

  paths(): string[] {
    return this.seen.map(({ path }) => path);
  }
}

const pair = (generation: number) => ({
  access_token: `a${generation}`,
  refresh_token: `r${generation}`,
  token_type: 'Bearer' as const,
  expires_in: 900,
  user,
});

describe('a client', () => {
  let backend: FakeBackend;
  let tokens: MemoryTokenStore;
  let api: ApiClient;
  beforeEach(() => {
    backend = new FakeBackend();
    tokens = new MemoryTokenStore(tokensOf(pair(1)));
    api = createApiClient({ baseUrl: 'http://api.test', tokens, fetch: backend.fetch });
  });

  it('sends the access token', async () => {
    expect(dataOf(await api.GET('/api/devices'))).toEqual({ devices: [], next_cursor: null });
    expect(backend.seen).toEqual([
      { method: 'GET', path: '/api/devices', authorization: 'Bearer a1', body: '' },
    ]);
  });

  it('fills in the path', async () => {
    const params = { path: { id: 'aovis-n4k-000123' } };
    await api.PATCH('/api/devices/{id}', { params, body: { name: 'Door' } });
    expect(backend.seen).toMatchObject([
      { method: 'PATCH', path: '/api/devices/aovis-n4k-000123', body: '{"name":"Door"}' },
    ]);
  });

  it('renews an expired sign-in once for all requests that wait, and repeats them with their bodies', async () => {
    await tokens.write(tokensOf({ access_token: 'a0', refresh_token: 'r1' }));
    const params = { path: { id: 'aovis-n4k-000123' } };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        api.PATCH('/api/devices/{id}', { params, body: { name: `Door ${index}` } }),
      ),
    );
    expect(answers.map((answer) => dataOf(answer))).toEqual(
      Array.from({ length: 20 }, (_, index) => ({ name: `Door ${index}` })),
    );
    expect(backend.paths().filter((path) => path.endsWith('/refresh'))).toHaveLength(1);
    expect(await tokens.read()).toEqual({ accessToken: 'a2', refreshToken: 'r2' });
  });

  it('keeps the sign-in it has when another one is refused', async () => {
    const fetch = async (request: Request): Promise<Response> =>
      request.url.endsWith('/verify')
        ? Response.json(refusal('invalid_token'), { status: 401 })
        : backend.fetch(request);
    const hasty = createApiClient({ baseUrl: 'http://api.test', tokens, fetch });
    const body = { token: 'used', request_secret: 'secret' };
    const result = await hasty.POST('/api/auth/app-magic-link/verify', { body });
    expect(() => dataOf(result)).toThrow(expect.objectContaining({ code: 'invalid_token' }));
    expect(backend.seen).toEqual([]);
    expect(await tokens.read()).toEqual({ accessToken: 'a1', refreshToken: 'r1' });
  });

  it('is signed out when the sign-in has ended', async () => {
    backend.signedOut = true;
    const result = await api.GET('/api/devices');
    expect(() => dataOf(result)).toThrow(ApiError);
    expect(await tokens.read()).toBeUndefined();
    backend.seen.length = 0;
    await api.GET('/api/devices');
    expect(backend.seen).toMatchObject([{ path: '/api/devices', authorization: null }]);
  });

  it('stays signed in while the sign-in cannot be renewed', async () => {
    await tokens.write(tokensOf({ access_token: 'a0', refresh_token: 'r1' }));
    const away = async (request: Request): Promise<Response> =>
      request.url.endsWith('/refresh') ? new Response('', { status: 503 }) : backend.fetch(request);
    const unlucky = createApiClient({ baseUrl: 'http://api.test', tokens, fetch: away });
    await expect(unlucky.GET('/api/devices')).rejects.toThrow('could not be renewed now');
    expect(await tokens.read()).toEqual({ accessToken: 'a0', refreshToken: 'r1' });
    expect(dataOf(await api.GET('/api/devices'))).toEqual({ devices: [], next_cursor: null });
  });
});

describe('an error', () => {
  it('carries what the API said', async () => {
    const headers = { 'Retry-After': '30' };
    const fetch = async (): Promise<Response> =>
      Response.json(refusal('rate_limited'), { status: 429, headers });
    const result = await createApiClient({ baseUrl: 'http://api.test', fetch }).GET('/api/devices');
    const expected = { status: 429, code: 'rate_limited', requestId: 'r-1', retryAfterMs: 30_000 };
    expect(() => dataOf(result)).toThrow(expect.objectContaining(expected));
  });

  it('tells the status when it is none of the API', async () => {
    const headers = { 'Content-Type': 'text/html' };
    const fetch = async (): Promise<Response> =>
      new Response('<h1>Bad gateway</h1>', { status: 502, headers });
    const result = await createApiClient({ baseUrl: 'http://api.test', fetch }).GET('/api/devices');
    expect(() => dataOf(result)).toThrow('The server answered 502.');
  });
});

it('walks through all pages', async () => {
  const pages: Record<string, { items: number[]; next_cursor: string | null }> = {
    first: { items: [1, 2], next_cursor: 'second' },
    second: { items: [3], next_cursor: null },
  };
  const seen = [];
  for await (const item of allPages(
    async (cursor) => pages[cursor ?? 'first'] ?? { items: [], next_cursor: null },
  ))
    seen.push(item);
  expect(seen).toEqual([1, 2, 3]);
});
