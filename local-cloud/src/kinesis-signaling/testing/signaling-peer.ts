import { once } from 'node:events';
import { SignatureV4 } from '@smithy/signature-v4';
import { WebSocket } from 'ws';
import type { AccessKey } from '../../kernel/principal.ts';
import { Sha256 } from '../../kernel/testing/sha256.ts';

export interface SignedUrlOptions {
  /** `ws://host:port` */
  endpoint: string;
  region: string;
  channelArn: string;
  clientId?: string | undefined;
  key: Omit<AccessKey, 'principal'>;
  expiresSeconds?: number;
  at?: Date;
}

/** The URL of ConnectAsMaster or ConnectAsViewer, presigned by AWS's own signer. */
export async function signedUrl(options: SignedUrlOptions): Promise<string> {
  const { endpoint, region, channelArn, clientId, key, expiresSeconds = 299, at = new Date() } = options;
  const { protocol, hostname, port, host } = new URL(endpoint);
  const { accessKeyId, secretAccessKey, sessionToken } = key;
  const signer = new SignatureV4({
    service: 'kinesisvideo',
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    sha256: Sha256,
  });
  const { query } = await signer.presign(
    {
      method: 'GET',
      protocol,
      hostname,
      port: Number(port),
      path: '/',
      headers: { host },
      query: {
        'X-Amz-ChannelARN': channelArn,
        ...(clientId === undefined ? {} : { 'X-Amz-ClientId': clientId }),
      },
    },
    { expiresIn: expiresSeconds, signingDate: at },
  );
  const text = Object.entries(query ?? {})
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join('&');
  return `${protocol}//${host}/?${text}`;
}

/** An event as it came over the wire. */
export interface SignalingEvent {
  messageType?: string;
  messagePayload?: string;
  senderClientId?: string;
  statusResponse?: { correlationId: string; errorType: string; statusCode: string; description: string };
}

/** A stranger's client: ws and JSON. */
export class SignalingPeer {
  readonly socket: WebSocket;
  readonly #received: string[] = [];
  #wake: (() => void) | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('message', (data) => {
      this.#received.push(Buffer.isBuffer(data) ? data.toString('utf8') : 'no text');
      this.#wake?.();
    });
  }

  /** Rejects with the HTTP status and `x-amzn-ErrorType` of a refusal. */
  static async open(url: string): Promise<SignalingPeer> {
    const peer = new SignalingPeer(new WebSocket(url));
    await new Promise<void>((resolve, reject) => {
      peer.socket.once('open', resolve);
      peer.socket.once('error', reject);
      peer.socket.once('unexpected-response', (request, response) => {
        request.destroy();
        reject(new Error(`${response.statusCode} ${String(response.headers['x-amzn-errortype'])}`));
      });
    });
    return peer;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  sendPayload(action: string, payload: object, more: object = {}): void {
    const messagePayload = Buffer.from(JSON.stringify(payload)).toString('base64');
    this.send({ action, messagePayload, ...more });
  }

  /** The next event, waited for. */
  async event(): Promise<SignalingEvent> {
    return JSON.parse(await this.frame()) as SignalingEvent;
  }

  /** The next frame, waited for. */
  async frame(): Promise<string> {
    for (;;) {
      const frame = this.#received.shift();
      if (frame !== undefined) return frame;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves with the close code; 1006 for a connection that was cut. */
  async closed(): Promise<number> {
    const [code] = (await once(this.socket, 'close')) as [number];
    return code;
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.socket, 'close');
    this.socket.terminate();
    await closed;
  }
}
