import { BitReader } from './bit-reader.ts';

/** NAL unit types that matter here (ITU-T H.264, table 7-1). */
export const nalType = {
  slice: 1,
  partitionA: 2,
  idrSlice: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  accessUnitDelimiter: 9,
  endOfSequence: 10,
  endOfStream: 11,
  filler: 12,
  firstReservedPrefix: 14,
  lastReservedPrefix: 18,
} as const;

/** The 5-bit type in the first byte of a NAL unit. */
export function nalTypeOf(nalUnit: Buffer): number {
  return (nalUnit[0] ?? 0) & 0x1f;
}

/** Slices of the primary coded picture: types 1 to 5. */
export function isSlice(type: number): boolean {
  return type >= nalType.slice && type <= nalType.idrSlice;
}

/** Takes the emulation prevention bytes out: `00 00 03` → `00 00` (ITU-T H.264, 7.4.1.1). Skips the NAL header. */
export function rawBytesOf(nalUnit: Buffer, maxBytes = nalUnit.length): Buffer {
  const end = Math.min(nalUnit.length, 1 + maxBytes);
  const bytes = Buffer.allocUnsafe(Math.max(0, end - 1));
  let length = 0;
  let zeros = 0;
  // By index: this is done for each picture, and an iterator would make an object of each byte.
  for (let i = 1; i < end; i++) {
    const byte = nalUnit[i] as number;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

export interface SliceHeader {
  /** 0 for the first slice of a picture. */
  firstMacroblock: number;
  bidirectional: boolean;
}

/** The first two fields of a slice header (ITU-T H.264, 7.3.3); undefined when the slice is cut short. */
export function readSliceHeader(nalUnit: Buffer): SliceHeader | undefined {
  const bits = new BitReader(rawBytesOf(nalUnit, 12));
  try {
    const firstMacroblock = bits.unsignedExpGolomb();
    // slice_type 1 and 6 are B (table 7-6).
    return { firstMacroblock, bidirectional: bits.unsignedExpGolomb() % 5 === 1 };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
