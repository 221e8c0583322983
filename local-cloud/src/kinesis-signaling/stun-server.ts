import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

const magicCookie = 0x2112a442;
const headerBytes = 20;
const method = { binding: 0x0001, allocate: 0x0003 } as const;
const attribute = { errorCode: 0x0009, xorMappedAddress: 0x0020 } as const;
const successClass = 0x0100;
const errorClass = 0x0110;

/**
 * What stands where the TURN server would: on UDP of 127.0.0.1 it answers STUN bindings, and refuses every allocation at
 * once with 508 (RFC 8656, section 7.2). Peers on one machine need no relay, and a client that is refused goes on with
 * its other candidates, where one that gets no answer would wait for its time-out.
 */
export class StunServer {
  #socket: Socket | undefined;

  /** 0 until it runs. */
  get port(): number {
    return this.#socket?.address().port ?? 0;
  }

  async start(): Promise<void> {
    if (this.#socket !== undefined) return;
    const socket = createSocket('udp4');
    socket.on('message', (message, from) => {
      const answer = stunAnswer(message, from);
      // A peer that is gone: nobody waits for it.
      if (answer !== undefined) socket.send(answer, from.port, from.address, () => undefined);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    this.#socket = socket;
  }

  async stop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.close();
    await once(socket, 'close');
  }
}

/** The answer to a STUN request (RFC 8489, sections 5 and 6); undefined for what is none, or is nothing to answer. */
export function stunAnswer(
  message: Buffer,
  { address, port }: Pick<RemoteInfo, 'address' | 'port'>,
): Buffer | undefined {
  if (message.length < headerBytes || message.readUInt32BE(4) !== magicCookie) return undefined;
  if (message.readUInt16BE(2) + headerBytes !== message.length) return undefined;
  switch (message.readUInt16BE(0)) {
    case method.binding:
      return response(message, successClass, attribute.xorMappedAddress, xorAddress(address, port));
    case method.allocate:
      return response(message, errorClass, attribute.errorCode, errorValue(508, 'Insufficient Capacity'));
    default:
      return undefined;
  }
}

function response(request: Buffer, kind: number, attributeType: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil(value.length / 4) * 4);
  value.copy(padded);
  const head = Buffer.from(request.subarray(0, headerBytes));
  head.writeUInt16BE(request.readUInt16BE(0) | kind, 0);
  head.writeUInt16BE(4 + padded.length, 2);
  const attributeHead = Buffer.alloc(4);
  attributeHead.writeUInt16BE(attributeType, 0);
  attributeHead.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, attributeHead, padded]);
}

/** XOR-MAPPED-ADDRESS of IPv4 (RFC 8489, section 14.2). */
function xorAddress(address: string, port: number): Buffer {
  const value = Buffer.alloc(8);
  value.writeUInt8(1, 1);
  value.writeUInt16BE(port ^ (magicCookie >>> 16), 2);
  const number = Buffer.from(address.split('.').map(Number)).readUInt32BE(0);
  value.writeUInt32BE((number ^ magicCookie) >>> 0, 4);
  return value;
}

/** ERROR-CODE (RFC 8489, section 14.8). */
function errorValue(code: number, reason: string): Buffer {
  return Buffer.concat([Buffer.from([0, 0, Math.floor(code / 100), code % 100]), Buffer.from(reason)]);
}
