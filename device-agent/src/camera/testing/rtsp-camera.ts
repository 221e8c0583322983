import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { h264Payloads } from '../../live-view/rtp/h264-payloads.ts';
import { RtpStream } from '../../live-view/rtp/rtp-stream.ts';
import { clipFps, clipPictures } from '../../streaming/testing/pictures.ts';

const payloadType = 96;
const ticksPerPicture = 90_000 / clipFps;
const spsType = 7;
const ppsType = 8;

export interface RtspCameraOptions {
  /** Asked for by HTTP's Basic scheme (RFC 2326, section 16). */
  user: string;
  password: string;
  /** Whether the pictures bring their parameter sets, too; the description always has them. */
  setsInBand: boolean;
}

interface Request {
  method: string;
  url: string;
  headers: ReadonlyMap<string, string>;
}

/**
 * A network camera that sends the clip once, as fast as it is taken, over the connection of RTSP itself (RFC 2326,
 * section 10.12), with H.264 in RTP (RFC 6184).
 */
export class RtspCamera {
  readonly #options: RtspCameraOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: RtspCameraOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Resolves with the address, without user and password. */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening on a port');
    return `127.0.0.1:${address.port}/live`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => socket.destroy());
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        this.#answer(socket, readRequest(text.slice(0, end)));
        text = text.slice(end + 4);
      }
    });
  }

  #answer(socket: Socket, { method, url, headers }: Request): void {
    const reply = (status: string, fields: readonly string[], body = ''): void => {
      const head = [`RTSP/1.0 ${status}`, `CSeq: ${headers.get('cseq') ?? ''}`, ...fields];
      socket.write(`${head.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    };
    if (method === 'OPTIONS') return reply('200 OK', ['Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN']);
    const { user, password } = this.#options;
    const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    if (headers.get('authorization') !== wanted)
      return reply('401 Unauthorized', ['WWW-Authenticate: Basic realm="camera"']);
    if (method === 'DESCRIBE')
      return reply('200 OK', ['Content-Type: application/sdp', `Content-Base: ${url}/`], description());
    const session = 'Session: 1';
    if (method === 'SETUP') return reply('200 OK', [session, `Transport: ${headers.get('transport') ?? ''}`]);
    reply('200 OK', [session]);
    if (method === 'PLAY') this.#play(socket);
    if (method === 'TEARDOWN') socket.end();
  }

  #play(socket: Socket): void {
    const stream = new RtpStream({ ssrc: 1, payloadType, firstSequenceNumber: 65_500 });
    for (const [index, { nalUnits }] of clipPictures().entries()) {
      const sent = this.#options.setsInBand
        ? nalUnits
        : nalUnits.filter((nalUnit) => !isParameterSet(nalUnit));
      for (const packet of stream.packets(h264Payloads(sent), index * ticksPerPicture)) {
        const frame = Buffer.from([0x24, 0, 0, 0]);
        frame.writeUInt16BE(packet.length, 2);
        socket.write(Buffer.concat([frame, packet]));
      }
    }
  }
}

function isParameterSet(nalUnit: Buffer): boolean {
  return [spsType, ppsType].includes((nalUnit[0] ?? 0) & 0x1f);
}

function readRequest(head: string): Request {
  const [first = '', ...fields] = head.slice(head.search(/[A-Z]+ rtsp:/)).split('\r\n');
  const [method = '', url = ''] = first.split(' ');
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
    }),
  );
  return { method, url, headers };
}

/** RFC 4566 and RFC 6184, section 8.2.1. */
function description(): string {
  const [first] = clipPictures();
  if (first === undefined) throw new Error('the clip is empty');
  const { sps, pps } = first.parameterSets;
  const sets = [...sps, ...pps].map((set) => set.toString('base64')).join(',');
  return [
    'v=0',
    'o=- 0 0 IN IP4 127.0.0.1',
    's=camera',
    't=0 0',
    `m=video 0 RTP/AVP ${payloadType}`,
    `a=rtpmap:${payloadType} H264/90000`,
    `a=fmtp:${payloadType} packetization-mode=1;sprop-parameter-sets=${sets}`,
    'a=control:track1',
    '',
  ].join('\r\n');
}
