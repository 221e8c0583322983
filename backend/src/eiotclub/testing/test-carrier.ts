import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseLossless } from '../lossless-json.ts';
import { sign } from '../signature.ts';

export interface TestOrder {
  orderId: string;
  outTradeNo: string;
  iccid: string;
  packageCode: string;
  state: 0 | 1 | 2;
}

/**
 * - `lose-answer`: does what it is asked and hangs up. `hang-up`: hangs up at once.
 * - `refuse`: another code than 200. `http-500`, `garbage`, `misfit`: no answer that means anything.
 */
export type CarrierFault = 'lose-answer' | 'hang-up' | 'refuse' | 'http-500' | 'garbage' | 'misfit';

export const testAccount = { appKey: '000001', secret: 'a1b1c1d1' };

/** The carrier's side of the wire, written down from its documentation, as far as we call it. */
export class TestCarrier {
  readonly orders: TestOrder[] = [];
  cards: Record<string, unknown>[] = [];
  /** When each call came, and of which method. */
  readonly calls: { method: string; atMs: number }[] = [];
  /** One a call, in order; nothing is wrong when there is none. */
  readonly faults: CarrierFault[] = [];
  readonly #server: Server = createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  callsOf(method: string): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const method = (request.url ?? '').replace('/api/v3/', '');
    this.calls.push({ method, atMs: performance.now() });
    const fault = this.faults.shift();
    if (fault === 'hang-up') return void request.socket.destroy();
    const answer =
      fault === 'refuse'
        ? { code: 10086, message: 'no credit', data: null }
        : this.#answer(method, Buffer.concat(chunks).toString());
    if (fault === 'lose-answer') return void request.socket.destroy();
    response.statusCode = fault === 'http-500' ? 500 : 200;
    response.setHeader('Content-Type', 'application/json;charset=utf-8');
    if (fault === 'garbage') response.end('<html>');
    else if (fault === 'misfit') response.end('{"code":"200","data":[{"state":"x"}]}');
    else response.end(JSON.stringify(answer));
  }

  #answer(method: string, body: string): unknown {
    const signed = parseLossless(body) as Record<string, unknown>;
    const parameters = JSON.parse(body) as Record<string, unknown>;
    const { appkey, nonce, timestamp } = parameters;
    if (appkey !== testAccount.appKey || signed['sign'] !== sign(signed, testAccount.secret))
      return { code: '401', message: 'sign' };
    if (!/^[1-9]\d{4}$/.test(String(nonce)) || !/^\d{10}$/.test(String(timestamp)))
      return { code: '400', message: 'system parameters' };
    return { code: '200', message: 'Success', data: this.#do(method, parameters) };
  }

  #do(method: string, parameters: Record<string, unknown>): unknown {
    switch (method) {
      case 'package/orderPackage':
        return { orderId: this.#order(parameters).orderId };
      case 'package/refundPackage': {
        const order = this.orders.find(({ orderId }) => orderId === parameters['orderId']);
        if (order) order.state = 2;
        return { orderId: order?.orderId };
      }
      case 'package/getOrderPackageDetails':
        return this.orders.filter(
          ({ outTradeNo, state }) =>
            state === parameters['state'] && outTradeNo === parameters['outTradeNoArrStr'],
        );
      case 'card/getAllCardInfo': {
        const [page, size] = [Number(parameters['pageNum']), Number(parameters['pageSize'])];
        return { list: this.cards.slice((page - 1) * size, page * size) };
      }
      default:
        return null;
    }
  }

  #order(parameters: Record<string, unknown>): TestOrder {
    const { outTradeNo, iccid, packageCode } = parameters as Record<string, string>;
    const order = {
      orderId: `D${1_000 + this.orders.length}`,
      outTradeNo: String(outTradeNo),
      iccid: String(iccid),
      packageCode: String(packageCode),
      state: 0 as const,
    };
    this.orders.push(order);
    return order;
  }
}
