import { createHash, randomInt } from 'node:crypto';
import type { Environment } from '../../kernel/service.ts';
import { callAdmin } from '../../kernel/testing/call-admin.ts';
import { createTestEnvironment } from '../../kernel/testing/test-environment.ts';
import { WebhookReceiver } from '../../kernel/testing/webhook-receiver.ts';
import { Eiotclub } from '../server.ts';

export const iccid = '8985200012345678901';
export const cloudIccid = '8985200012345678902';
export const eid = '89086001234567890123456789012345';

/** The scheme as its documentation tells it, written once more: what the stand-in says must not be its own judge. */
export function signByHand(parameters: Readonly<Record<string, string | number>>, secret: string): string {
  const names = Object.keys(parameters)
    .filter((name) => name !== 'sign' && parameters[name] !== '')
    .sort();
  const source = `${names.map((name) => `${name}=${parameters[name]}`).join('&')}&secret=${secret}`;
  return createHash('sha1').update(source).digest('hex').toUpperCase();
}

export interface Envelope {
  code: string;
  message: string;
  data: Record<string, unknown>;
}

export interface EiotclubCloud {
  environment: Environment;
  eiotclub: Eiotclub;
  receiver: WebhookReceiver;
  admin<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
  /** A signed call; `change` spoils the parameters after the signature. */
  call(
    method: string,
    parameters?: Record<string, string | number>,
    options?: { change?: object; secret?: string; system?: object; signal?: AbortSignal },
  ): Promise<Envelope & { status: number }>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The stand-in with a plain card and a cloud eSIM card; orders take effect only when told. */
export async function startEiotclubCloud(): Promise<EiotclubCloud> {
  const environment = await createTestEnvironment();
  const receiver = await new WebhookReceiver().start();
  const make = (port: number) => new Eiotclub(environment, { port, backOffMs: () => 1 });
  const cloud: EiotclubCloud = {
    environment,
    receiver,
    eiotclub: make(0),
    admin: (method, path, body) => callAdmin(cloud.eiotclub, method, `/_local/eiotclub/${path}`, body),
    call: async (method, parameters = {}, { change = {}, secret = 's3cret', system = {}, signal } = {}) => {
      const all = {
        ...parameters,
        appkey: '000001',
        timestamp: Math.floor(environment.clock.nowSeconds()),
        nonce: randomInt(10_000, 100_000),
        ...system,
      };
      const response = await fetch(`${cloud.eiotclub.url}/api/v3/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json;charset=utf-8' },
        body: JSON.stringify({ ...all, sign: signByHand(all, secret), ...change }),
        ...(signal === undefined ? {} : { signal }),
      });
      return { status: response.status, ...((await response.json()) as Envelope) };
    },
    restart: async () => {
      const { port } = cloud.eiotclub;
      await cloud.eiotclub.stop();
      cloud.eiotclub = make(port);
      await cloud.eiotclub.start();
    },
    stop: async () => {
      await cloud.eiotclub.stop();
      await receiver.stop();
      environment.dispose();
    },
  };
  await cloud.eiotclub.start();
  await cloud.admin('PUT', 'account', {
    appKey: '000001',
    secret: 's3cret',
    notifySecret: 'n0tify',
    notifyUrl: receiver.url,
    balance: '100.00',
    effectiveAfterMs: null,
  });
  await cloud.admin('POST', 'cards', { cards: [{ iccid }, { iccid: cloudIccid, eid }] });
  return cloud;
}
