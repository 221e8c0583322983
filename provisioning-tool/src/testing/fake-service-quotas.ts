import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/**
 * A small AWS Service Quotas for the tests of this folder: ListServiceQuotas on the JSON 1.1 wire, two quotas a page
 * however many are asked for, as the API allows itself.
 */
export class FakeServiceQuotas {
  /** Calls a second by quota name, without its « API TPS». */
  readonly rates = new Map<string, number>();
  /** Answered instead, with the status that AWS has for it; `hang`: nothing ever comes. */
  refusal: { status: number; code: string } | 'hang' | undefined;
  calls = 0;
  readonly #server: Server = createServer((request, response) => {
    this.calls += 1;
    void json(request).then((body) => this.#answer(request.headers['x-amz-target'], body, response));
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(target: string | string[] | undefined, body: unknown, response: ServerResponse): void {
    if (this.refusal === 'hang') return;
    const { ServiceCode, NextToken } = body as { ServiceCode?: string; NextToken?: string };
    if (this.refusal) {
      const { status, code } = this.refusal;
      return send(response, status, { __type: code, Message: 'User is not authorized' });
    }
    if (target !== 'ServiceQuotasV20190624.ListServiceQuotas' || ServiceCode !== 'iotcore')
      return send(response, 400, { __type: 'NoSuchResourceException', Message: 'not found' });
    const start = Number(NextToken ?? 0);
    const quotas = [
      { QuotaName: 'Maximum thing name size', Value: 128 },
      ...[...this.rates].map(([name, Value]) => ({ QuotaName: `${name} API TPS`, Value })),
    ];
    const end = start + 2;
    const Quotas = quotas.slice(start, end);
    send(response, 200, { Quotas, ...(end < quotas.length ? { NextToken: String(end) } : {}) });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
  response.end(JSON.stringify(body));
}
