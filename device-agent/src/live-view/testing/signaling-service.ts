import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { until } from '../../testing/until.ts';

export const channelArn = 'arn:aws:kinesisvideo:eu-central-1:123456789012:channel/aovis-webrtc-x/1';

interface Refusal {
  status: number;
  exception: string;
}

/** The signaling service as the board sees it: three calls and a WebSocket, which do as the test says. */
export class SignalingService {
  /** Operations by path, in the order they came. */
  readonly calls: string[] = [];
  readonly bodies: unknown[] = [];
  /** Queries of the handshakes that came. */
  readonly handshakes: URLSearchParams[] = [];
  readonly frames: { action: string; recipientClientId: string; payload: unknown }[] = [];
  /** The next calls of a path (`/` is the handshake) are refused with these. */
  readonly refusals = new Map<string, Refusal[]>();
  iceTtlSeconds = 300;
  /** Whether new connections answer pings; a network that has gone does not. */
  answersPings = true;
  readonly #sockets: WebSocket[] = [];
  readonly #server: Server;
  #relay = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => {
        body += part.toString();
      });
      request.on('end', () => {
        const path = request.url ?? '';
        this.calls.push(path);
        this.bodies.push(JSON.parse(body));
        const refusal = this.refusals.get(path)?.shift();
        if (refusal !== undefined)
          response.writeHead(refusal.status, { 'x-amzn-ErrorType': refusal.exception }).end('{}');
        else response.end(JSON.stringify(this.#answer(path)));
      });
    });
    this.#server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  static async start(): Promise<SignalingService> {
    const service = new SignalingService();
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): URL {
    return new URL(`http://${this.host}`);
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.filter(({ readyState, OPEN }) => readyState === OPEN).length;
  }

  async untilConnected(handshakes = 1): Promise<void> {
    await until(() => this.handshakes.length >= handshakes && this.connections > 0);
  }

  refuse(path: string, status: number, exception: string): void {
    this.refusals.set(path, [...(this.refusals.get(path) ?? []), { status, exception }]);
  }

  /** To everybody connected. */
  say(messageType: string, payload?: unknown, senderClientId?: string): void {
    const messagePayload =
      payload === undefined ? '' : Buffer.from(JSON.stringify(payload)).toString('base64');
    for (const socket of this.#sockets)
      socket.send(JSON.stringify({ messageType, messagePayload, senderClientId }));
  }

  /** Ends what is connected, with or without a word. */
  cut(how: 'close' | 'terminate' = 'terminate'): void {
    for (const socket of this.#sockets.splice(0)) {
      if (how === 'close') socket.close(1001, 'a newer connection took over');
      else socket.terminate();
    }
  }

  async stop(): Promise<void> {
    this.cut();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(path: string): unknown {
    if (path === '/describeSignalingChannel') return { ChannelInfo: { ChannelARN: channelArn } };
    if (path === '/getSignalingChannelEndpoint')
      return {
        ResourceEndpointList: [
          { Protocol: 'WSS', ResourceEndpoint: `ws://${this.host}` },
          { Protocol: 'HTTPS', ResourceEndpoint: `http://${this.host}` },
        ],
      };
    if (path !== '/v1/get-ice-server-config') return {};
    this.#relay += 1;
    const Uris = [`turn:127.0.0.1:${this.#relay}?transport=udp`];
    return { IceServerList: [{ Uris, Username: 'u', Password: 'p', Ttl: this.iceTtlSeconds }] };
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.handshakes.push(new URL(request.url ?? '/', 'http://x').searchParams);
    const refusal = this.refusals.get('/')?.shift();
    if (refusal !== undefined) {
      socket.end(
        `HTTP/1.1 ${refusal.status} Refused\r\nx-amzn-ErrorType: ${refusal.exception}\r\nContent-Length: 0\r\n\r\n`,
      );
      return;
    }
    const upgrader = new WebSocketServer({ noServer: true, autoPong: this.answersPings });
    upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      this.#sockets.push(webSocket);
      webSocket.on('message', (data: Buffer) => {
        const { action, recipientClientId, messagePayload } = JSON.parse(data.toString()) as Record<
          string,
          string
        >;
        const payload: unknown = JSON.parse(Buffer.from(messagePayload ?? '', 'base64').toString());
        this.frames.push({ action: action ?? '', recipientClientId: recipientClientId ?? '', payload });
      });
    });
  }
}
