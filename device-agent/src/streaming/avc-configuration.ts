import type { ParameterSets } from '../camera/access-unit.ts';
import { findPictureFormat } from '../camera/sps.ts';

/** Profiles whose record ends with chroma format and bit depths (ISO/IEC 14496-15, 5.3.3.1.2). */
const profilesWithChroma = new Set([100, 110, 122, 144]);

/**
 * AVCDecoderConfigurationRecord ("avcC", ISO/IEC 14496-15, 5.3.3.1) for NAL units with 4-byte lengths. Undefined when
 * the SPS cannot be read.
 */
export function avcConfiguration(sets: ParameterSets): Buffer | undefined {
  const format = findPictureFormat(sets);
  if (format === undefined) return undefined;
  const record = [
    Buffer.of(
      1,
      format.profileIdc,
      format.constraintFlags,
      format.levelIdc,
      0xfc | 3,
      0xe0 | sets.sps.length,
    ),
    ...sets.sps.map(withLength16),
    Buffer.of(sets.pps.length),
    ...sets.pps.map(withLength16),
  ];
  if (profilesWithChroma.has(format.profileIdc)) {
    const { chromaFormat, bitDepthLuma, bitDepthChroma } = format;
    record.push(Buffer.of(0xfc | chromaFormat, 0xf8 | (bitDepthLuma - 8), 0xf8 | (bitDepthChroma - 8), 0));
  }
  return Buffer.concat(record);
}

function withLength16(nalUnit: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(nalUnit.length);
  return Buffer.concat([length, nalUnit]);
}
