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
  /** Answers other than 2xx, errors and time-outs. */
  failures: number;
  answered: number;
}

/** Sends as many requests as the servers answer over 50 connections each. */
export async function load(
  urls: readonly string[],
  requests: Requests,
  { seconds }: { seconds: number },
): Promise<Load> {
  const results = await Promise.all(
    urls.map((url) =>
      autocannon({
        url,
        connections: 50,
        duration: seconds,
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
    failures: sum(({ non2xx, errors, timeouts }) => non2xx + errors + timeouts),
    answered: sum((result) => result['2xx']),
  };
}
