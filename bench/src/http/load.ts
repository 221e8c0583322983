import autocannon from 'autocannon';

export interface OneRequest {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** Requests that are sent in turn, or one that is made anew each time, so that no two are alike. */
export type Requests = readonly OneRequest[] | (() => OneRequest);

export interface Load {
  requestsPerSecond: number;
  p99Ms: number;
  /** Answers other than 2xx, errors and time-outs. */
  failures: number;
  answered: number;
}

/** Sends as many requests as the servers answer over 50 connections, or `rate` a second of them. */
export async function load(
  urls: readonly string[],
  requests: Requests,
  { seconds, rate }: { seconds: number; rate?: number },
): Promise<Load> {
  const results = await Promise.all(
    urls.map((url) =>
      autocannon({
        url,
        connections: 50,
        duration: seconds,
        ...(rate !== undefined && { overallRate: Math.max(1, Math.round(rate / urls.length)) }),
        requests:
          typeof requests === 'function'
            ? [{ setupRequest: (request) => ({ ...request, ...requests() }) }]
            : [...requests],
      }),
    ),
  );
  const sum = (of: (result: autocannon.Result) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  return {
    requestsPerSecond: sum((result) => result['2xx'] / result.duration),
    p99Ms: Math.max(...results.map(({ latency }) => latency.p99)),
    failures: sum(({ non2xx, errors, timeouts }) => non2xx + errors + timeouts),
    answered: sum((result) => result['2xx']),
  };
}
