/**
 * EBML as Matroska uses it (RFC 8794): variable-length element ids and sizes, and elements that lie whole in memory.
 * What streams is in `mkv-parser.ts`.
 */
export class EbmlError extends Error {}

/** Element ids of Matroska (RFC 9559, section 5), marker bits included. */
export const id = {
  ebml: 0x1a45dfa3,
  ebmlMaxIdLength: 0x42f2,
  ebmlMaxSizeLength: 0x42f3,
  docType: 0x4282,
  void: 0xec,
  crc32: 0xbf,
  segment: 0x18538067,
  seekHead: 0x114d9b74,
  info: 0x1549a966,
  timecodeScale: 0x2ad7b1,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  trackName: 0x536e,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  audio: 0xe1,
  samplingFrequency: 0xb5,
  channels: 0x9f,
  bitDepth: 0x6264,
  tags: 0x1254c367,
  tag: 0x7373,
  simpleTag: 0x67c8,
  tagName: 0x45a3,
  tagString: 0x4487,
  cluster: 0x1f43b675,
  timecode: 0xe7,
  position: 0xa7,
  prevSize: 0xab,
  silentTracks: 0x5854,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  referenceBlock: 0xfb,
  cues: 0x1c53bb6b,
} as const;

/** Length in bytes of the number that starts with this byte; 9 when the byte starts none. */
export function vintLength(first: number): number {
  return first === 0 ? 9 : Math.clz32(first) - 23;
}

/** The element id at `offset`, which must lie whole in `bytes` and be at most 4 bytes long. */
export function readId(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i += 1) value = value * 256 + (bytes[offset + i] ?? 0);
  return value;
}

/** The size at `offset`; undefined for «unknown» (all value bits set). Throws when it is no safe integer. */
export function readSize(bytes: Uint8Array, offset: number, length: number): number | undefined {
  const first = bytes[offset] ?? 0;
  const mask = (1 << (8 - length)) - 1;
  let value = first & mask;
  let allOnes = value === mask;
  for (let i = 1; i < length; i += 1) {
    const byte = bytes[offset + i] ?? 0;
    allOnes &&= byte === 0xff;
    value = value * 256 + byte;
  }
  if (allOnes) return undefined;
  if (!Number.isSafeInteger(value)) throw new EbmlError('an element size is out of range');
  return value;
}

export interface Element {
  id: number;
  payload: Buffer;
}

/** The elements of a master's payload. Throws EbmlError for anything cut short or of unknown size. */
export function readElements(payload: Buffer): Element[] {
  const elements: Element[] = [];
  let offset = 0;
  while (offset < payload.length) {
    const idLength = vintLength(payload[offset] ?? 0);
    const sizeAt = offset + idLength;
    if (idLength > 4 || sizeAt >= payload.length)
      throw new EbmlError('an element id is cut short or too long');
    const sizeLength = vintLength(payload[sizeAt] ?? 0);
    const start = sizeAt + sizeLength;
    if (sizeLength > 8 || start > payload.length)
      throw new EbmlError('an element size is cut short or too long');
    const size = readSize(payload, sizeAt, sizeLength);
    if (size === undefined || start + size > payload.length)
      throw new EbmlError('an element is longer than its parent');
    elements.push({ id: readId(payload, offset, idLength), payload: payload.subarray(start, start + size) });
    offset = start + size;
  }
  return elements;
}

export function readUint(payload: Buffer): number {
  if (payload.length > 8) throw new EbmlError('an unsigned integer is longer than 8 bytes');
  let value = 0;
  for (const byte of payload) value = value * 256 + byte;
  if (!Number.isSafeInteger(value)) throw new EbmlError('an unsigned integer is out of range');
  return value;
}

export function readFloat(payload: Buffer): number {
  if (payload.length === 0) return 0;
  if (payload.length === 4) return payload.readFloatBE();
  if (payload.length === 8) return payload.readDoubleBE();
  throw new EbmlError('a float is neither 4 nor 8 bytes long');
}

/** A string may be padded with zero bytes. */
export function readString(payload: Buffer): string {
  const end = payload.indexOf(0);
  return payload.toString('utf8', 0, end < 0 ? payload.length : end);
}

/** Id and 8-byte size of an element whose payload follows; without a length, of unknown size. */
export function elementHeader(elementId: number, length?: number): Buffer {
  const idBytes = Buffer.from(elementId.toString(16).padStart(2, '0'), 'hex');
  const size = Buffer.alloc(8, 0xff);
  if (length !== undefined) size.writeBigUInt64BE(BigInt(length));
  size[0] = length === undefined ? 0x01 : (size[0] ?? 0) | 0x01;
  return Buffer.concat([idBytes, size]);
}

export function element(elementId: number, ...payload: readonly Buffer[]): Buffer {
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([elementHeader(elementId, length), ...payload]);
}

export function uint(elementId: number, value: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeBigUInt64BE(BigInt(value));
  return element(elementId, payload);
}

export function text(elementId: number, value: string): Buffer {
  return element(elementId, Buffer.from(value, 'utf8'));
}
