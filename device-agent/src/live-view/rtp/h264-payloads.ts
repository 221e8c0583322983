/**
 * What fits beside the headers of IP, UDP, TURN, SRTP and RTP into the smallest path MTU of the networks in use (1280
 * bytes, RFC 8200, section 5); browsers cut their own packets in the same way.
 */
export const maxPayloadBytes = 1_180;

/** RFC 6184, table 1. */
const stapA = 24;
const fuA = 28;
const typeMask = 0x1f;
const importanceMask = 0x60;
const startBit = 0x80;
const endBit = 0x40;
const lengthBytes = 2;

/**
 * The RTP payloads of one picture in packetization mode 1 (RFC 6184, section 6.3): small NAL units together in a STAP-A,
 * large ones cut into FU-A, the others as they are. In decoding order; the marker belongs to the last.
 */
export function h264Payloads(nalUnits: readonly Buffer[], maxBytes: number = maxPayloadBytes): Buffer[] {
  const payloads: Buffer[] = [];
  let together: Buffer[] = [];
  let togetherBytes = 1;
  const flush = (): void => {
    const [first] = together;
    if (first !== undefined) payloads.push(together.length === 1 ? first : aggregate(together));
    together = [];
    togetherBytes = 1;
  };
  for (const nalUnit of nalUnits) {
    if (nalUnit.length === 0) continue;
    if (nalUnit.length > maxBytes) {
      flush();
      payloads.push(...fragment(nalUnit, maxBytes));
      continue;
    }
    if (togetherBytes + lengthBytes + nalUnit.length > maxBytes) flush();
    together.push(nalUnit);
    togetherBytes += lengthBytes + nalUnit.length;
  }
  flush();
  return payloads;
}

/** A STAP-A is as important as the most important of its NAL units (RFC 6184, section 5.7). */
function aggregate(nalUnits: readonly Buffer[]): Buffer {
  const importance = Math.max(...nalUnits.map((nalUnit) => (nalUnit[0] ?? 0) & importanceMask));
  const parts: Buffer[] = [Buffer.of(importance | stapA)];
  for (const nalUnit of nalUnits) {
    const length = Buffer.allocUnsafe(lengthBytes);
    length.writeUInt16BE(nalUnit.length);
    parts.push(length, nalUnit);
  }
  return Buffer.concat(parts);
}

/** The NAL unit's own first byte is not sent: each FU-A carries it, divided, in its two (RFC 6184, section 5.8). */
function fragment(nalUnit: Buffer, maxBytes: number): Buffer[] {
  const header = nalUnit[0] ?? 0;
  const payloads: Buffer[] = [];
  const step = maxBytes - 2;
  for (let at = 1; at < nalUnit.length; at += step) {
    const piece = nalUnit.subarray(at, at + step);
    const start = at === 1 ? startBit : 0;
    const end = at + step >= nalUnit.length ? endBit : 0;
    const headers = Buffer.of((header & ~typeMask) | fuA, start | end | (header & typeMask));
    payloads.push(Buffer.concat([headers, piece]));
  }
  return payloads;
}
