import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AccessKey } from '../../kernel/principal.ts';
import { Sha256 } from '../../kernel/testing/sha256.ts';
import { accountKey, region } from './harness.ts';

export interface Ack {
  EventType: string;
  FragmentTimecode?: number;
  FragmentNumber?: string;
  ErrorCode?: string;
  ErrorId?: number;
}

export interface PutMediaOptions {
  url: string;
  streamName: string;
  key?: AccessKey;
  headers?: Record<string, string>;
  /**
   * What is signed in place of the body: the words UNSIGNED-PAYLOAD, as AWS's Java producer does, or the hash of
   * nothing without a header that says so, as AWS's C producer does.
   */
  payload?: 'unsigned' | 'empty';
}

/** A producer of a stranger's make: signed by AWS's own signer, sent by Node's HTTP client. */
export class PutMediaClient {
  readonly acks: Ack[] = [];
  readonly request: ClientRequest;
  readonly #response: Promise<IncomingMessage>;
  readonly #closed: Promise<void>;
  #wake: (() => void) | undefined;
  #done = false;
  #rest = '';

  private constructor(request: ClientRequest) {
    this.request = request;
    // A connection that breaks shows as the end of the acknowledgements.
    request.on('error', () => this.#finish());
    this.#response = new Promise((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', reject);
    });
    this.#response.catch(() => undefined);
    this.#closed = new Promise((resolve) => {
      request.once('close', resolve);
    });
    request.once('response', (response) => {
      response.setEncoding('utf8');
      response.on('data', (text: string) => this.#read(text));
      response.on('error', () => this.#finish());
      response.on('close', () => this.#finish());
    });
  }

  static async open({
    url,
    streamName,
    key = accountKey,
    headers = {},
    payload = 'unsigned',
  }: PutMediaOptions): Promise<PutMediaClient> {
    const endpoint = new URL(url);
    const signer = new SignatureV4({
      service: 'kinesisvideo',
      region,
      applyChecksum: payload === 'unsigned',
      sha256: Sha256,
      credentials: {
        accessKeyId: key.accessKeyId,
        secretAccessKey: key.secretAccessKey,
        ...(key.sessionToken === undefined ? {} : { sessionToken: key.sessionToken }),
      },
    });
    const signed = await signer.sign({
      method: 'POST',
      protocol: 'http:',
      hostname: endpoint.hostname,
      port: Number(endpoint.port),
      path: '/putMedia',
      query: {},
      headers: {
        host: endpoint.host,
        ...(payload === 'unsigned' ? { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } : {}),
        'x-amzn-stream-name': streamName,
        'x-amzn-fragment-timecode-type': 'ABSOLUTE',
        'x-amzn-producer-start-timestamp': (Date.now() / 1000).toFixed(3),
        'x-amzn-fragment-acknowledgment-required': '1',
        ...headers,
      },
    });
    const request = httpRequest({
      method: 'POST',
      host: endpoint.hostname,
      port: endpoint.port,
      path: '/putMedia',
      headers: { ...signed.headers, 'transfer-encoding': 'chunked' },
    });
    request.flushHeaders();
    return new PutMediaClient(request);
  }

  async response(): Promise<IncomingMessage> {
    return this.#response;
  }

  write(bytes: Uint8Array): void {
    this.request.write(bytes);
  }

  /** Ends the body and waits for the end of the response; all acknowledgements. */
  async finish(bytes?: Uint8Array): Promise<Ack[]> {
    this.request.end(bytes);
    await this.ended();
    return this.acks;
  }

  /** Waits until the response has ended, whoever ended it. */
  async ended(): Promise<void> {
    await this.#until(() => this.#done);
    this.request.destroy();
    await this.#closed;
  }

  /** The first acknowledgement that is wanted; throws when the response ends without it. */
  async waitFor(wanted: (ack: Ack) => boolean): Promise<Ack> {
    await this.#until(() => this.#done || this.acks.some(wanted));
    const found = this.acks.find(wanted);
    if (found === undefined) throw new Error(`The response ended with ${JSON.stringify(this.acks)}`);
    return found;
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.acks.push(JSON.parse(line) as Ack);
    this.#wake?.();
  }

  #finish(): void {
    this.#done = true;
    this.#wake?.();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
