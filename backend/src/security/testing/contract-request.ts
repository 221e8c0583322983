import type { RouteContract } from '@aovis/contracts/http/route';

export interface ContractRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/**
 * The example of a route's contract as a request, with `ids` in the place of the template's parameters, so that every
 * route can be called without knowing it.
 */
export function exampleRequest(contract: RouteContract, ids: Record<string, string> = {}): ContractRequest {
  const {
    params = {},
    query = {},
    body,
  } = contract.example as {
    params?: Record<string, string>;
    query?: Record<string, unknown>;
    body?: unknown;
  };
  const path = contract.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(ids[name] ?? params[name] ?? ''),
  );
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((item) => [name, String(item)]),
    ),
  );
  const required = Object.entries(contract.headers ?? {}).filter(([, header]) => header.required);
  return {
    method: contract.method,
    path: search.size > 0 ? `${path}?${search}` : path,
    headers: {
      ...Object.fromEntries(required.map(([name, { example }]) => [name, example])),
      ...(contract.body !== undefined && { 'Content-Type': 'application/json' }),
    },
    body: contract.body === undefined ? undefined : JSON.stringify(body),
  };
}
