import createFetchClient, { type Client, type Middleware } from 'openapi-fetch';
import { ApiError } from './api-error.ts';
import type { paths } from './schema.ts';
import { MemoryTokenStore, TokenRefresh, type TokenStore, type Tokens } from './token-refresh.ts';

export interface ApiClientOptions {
  /** Without a path, e.g. `https://api.example.com`. */
  baseUrl: string;
  /** In memory by default. */
  tokens?: TokenStore;
  fetch?: (request: Request) => Promise<Response>;
}

/** Calls by path and method, typed by docs/openapi.json: `api.GET('/api/devices/{id}', { params: { path: { id } } })`. */
export type ApiClient = Client<paths>;

/**
 * A client of the AOVIS API. It sends the access token of the store with every request, and when that has expired it
 * renews it once and repeats the request; when the sign-in has ended, the store is emptied and the 401 is the answer.
 */
export function createApiClient({
  baseUrl,
  tokens: store = new MemoryTokenStore(),
  fetch = (request) => globalThis.fetch(request),
}: ApiClientOptions): ApiClient {
  const client = createFetchClient<paths>({ baseUrl, fetch });
  const anonymous = createFetchClient<paths>({ baseUrl, fetch });
  const refresh = new TokenRefresh(store, async (refreshToken) => {
    const body = { refresh_token: refreshToken };
    const { data, response } = await anonymous.POST('/api/auth/app-token/refresh', { body });
    if (data) return tokensOf(data);
    if (response.status === 401) return undefined;
    throw new Error(`The sign-in could not be renewed now: the server answered ${response.status}.`);
  });
  client.use(signIn({ store, refresh, fetch }));
  return client;
}

export function tokensOf(pair: { access_token: string; refresh_token: string }): Tokens {
  return { accessToken: pair.access_token, refreshToken: pair.refresh_token };
}

function signIn({
  store,
  refresh,
  fetch,
}: {
  store: TokenStore;
  refresh: TokenRefresh;
  fetch: (request: Request) => Promise<Response>;
}): Middleware {
  /** A body can be sent once; the copy is for the second try. */
  const copies = new Map<string, { request: Request; accessToken: string }>();
  return {
    async onRequest({ request, id }) {
      const tokens = await store.read();
      if (tokens === undefined || request.headers.has('Authorization')) return undefined;
      copies.set(id, { request: request.clone(), accessToken: tokens.accessToken });
      return authorized(request, tokens);
    },
    async onResponse({ response, id }) {
      const first = copies.get(id);
      copies.delete(id);
      if (first === undefined || !(await isSignedOut(response))) return undefined;
      const renewed = await refresh.after(first.accessToken);
      if (renewed === undefined) return undefined;
      await response.body?.cancel();
      return fetch(authorized(first.request, renewed));
    },
    onError({ id }) {
      copies.delete(id);
    },
  };
}

/** Other refusals of this status are about something else, e.g. an id token that is no good: renewing helps nobody. */
async function isSignedOut(response: Response): Promise<boolean> {
  if (response.status !== 401) return false;
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return new ApiError(response, body).code === 'unauthorized';
}

function authorized(request: Request, { accessToken }: Tokens): Request {
  const headers = new Headers(request.headers);
  headers.set('Authorization', `Bearer ${accessToken}`);
  return new Request(request, { headers });
}
