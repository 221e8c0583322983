/** The few packets of MQTT 3.1.1 that the doctor speaks. It acknowledges nothing, which no MQTT client can be kept from. */

/** Packet type and flags, as they are sent [MQTT-2.2.1, MQTT-3.8.1-1]. */
const firstBytes = { connect: 0x10, subscribe: 0x82 } as const;
/** Packet types that are answered. */
export const packetTypes = { connack: 2, suback: 9 } as const;

/** CONNECT with a persistent session and no will [MQTT-3.1.2]. */
export function connectPacket(clientId: string, keepAliveSeconds: number): Buffer {
  const level = 4;
  const flags = 0;
  return packet(firstBytes.connect, [
    text('MQTT'),
    Buffer.from([level, flags, keepAliveSeconds >> 8, keepAliveSeconds & 0xff]),
    text(clientId),
  ]);
}

/** SUBSCRIBE with QoS 1 for all filters [MQTT-3.8.3]. */
export function subscribePacket(packetId: number, filters: readonly string[]): Buffer {
  return packet(firstBytes.subscribe, [
    Buffer.from([packetId >> 8, packetId & 0xff]),
    ...filters.flatMap((filter) => [text(filter), Buffer.from([1])]),
  ]);
}

/** One packet that arrived: its type, and what follows the fixed header. */
export interface Packet {
  type: number;
  body: Buffer;
}

/** Takes the first whole packet off `data`; undefined when there is none yet. Throws when it cannot be one. */
export function takePacket(data: Buffer): { packet: Packet; rest: Buffer } | undefined {
  let length = 0;
  for (let index = 1; index <= 4; index++) {
    const byte = data[index];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) << (7 * (index - 1));
    if (byte < 0x80) {
      const end = index + 1 + length;
      if (data.length < end) return undefined;
      return {
        packet: { type: (data[0] ?? 0) >> 4, body: data.subarray(index + 1, end) },
        rest: data.subarray(end),
      };
    }
  }
  throw new Error('a packet length of more than 4 bytes');
}

function packet(firstByte: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([firstByte, ...remainingLength(body.length)]), body]);
}

/** [MQTT-2.2.3] */
function remainingLength(length: number): number[] {
  return length < 0x80 ? [length] : [(length & 0x7f) | 0x80, ...remainingLength(length >> 7)];
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
