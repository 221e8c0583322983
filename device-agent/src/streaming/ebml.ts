/** Writing of EBML elements (RFC 8794): an id, a length as a variable-size integer, the data. */

/** Length in 1 byte up to 126, else in 4 or 8 bytes; all ones would mean "unknown". */
function lengthOf(bytes: number): Buffer {
  if (bytes < 0x7f) return Buffer.of(0x80 | bytes);
  const length = Buffer.alloc(4);
  if (bytes >= 0x0fff_ffff) throw new RangeError(`An element of ${bytes} bytes is too long.`);
  length.writeUInt32BE((0x1000_0000 | bytes) >>> 0);
  return length;
}

function idOf(id: number): Buffer {
  const hex = id.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

/** An element that holds bytes or other elements. */
export function element(id: number, ...content: readonly Buffer[]): Buffer {
  const data = Buffer.concat(content);
  return Buffer.concat([idOf(id), lengthOf(data.length), data]);
}

/** An element whose end is not known when it begins: its length is one byte of ones. */
export function unknownSizeElement(id: number): Buffer {
  return Buffer.concat([idOf(id), Buffer.of(0xff)]);
}

/** Unsigned integer in as few bytes as it needs, at least 1; or in `bytes`. */
export function unsignedElement(id: number, value: number, bytes?: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeBigUInt64BE(BigInt(value));
  const first = bytes === undefined ? Math.min(7, firstNonZero(data)) : 8 - bytes;
  return element(id, data.subarray(first));
}

function firstNonZero(data: Buffer): number {
  const index = data.findIndex((byte) => byte !== 0);
  return index === -1 ? data.length : index;
}

/** In 8 bytes. */
export function floatElement(id: number, value: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeDoubleBE(value);
  return element(id, data);
}

export function textElement(id: number, text: string): Buffer {
  return element(id, Buffer.from(text, 'utf8'));
}
