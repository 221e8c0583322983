import type { ParameterSets } from './access-unit.ts';
import { BitReader } from './bit-reader.ts';
import { rawBytesOf } from './nal-unit.ts';

/** What a sequence parameter set says about the picture. */
export interface PictureFormat {
  profileIdc: number;
  constraintFlags: number;
  levelIdc: number;
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  chromaFormat: number;
  bitDepthLuma: number;
  bitDepthChroma: number;
  /** Pixels, after cropping. */
  width: number;
  height: number;
  /** Frames a second, where the encoder says it (VUI timing). */
  fps?: number;
}

/** Profiles whose SPS has chroma format and bit depth (ITU-T H.264, 7.3.2.1.1). */
const highProfiles = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const extendedSampleAspectRatio = 255;

/** Reads an SPS NAL unit (ITU-T H.264, 7.3.2.1.1 and E.1.1). Throws RangeError when it is cut short or absurd. */
export function readSps(nalUnit: Buffer): PictureFormat {
  const bits = new BitReader(rawBytesOf(nalUnit));
  const profileIdc = bits.bits(8);
  const constraintFlags = bits.bits(8);
  const levelIdc = bits.bits(8);
  bits.unsignedExpGolomb();
  const chroma = highProfiles.has(profileIdc)
    ? readChroma(bits)
    : { chromaFormat: 1, bitDepthLuma: 8, bitDepthChroma: 8 };
  skipPictureOrder(bits);
  bits.unsignedExpGolomb();
  bits.skip(1);
  const size = readSize(bits, chroma.chromaFormat);
  const fps = bits.flag() ? readFrameRate(bits) : undefined;
  return { profileIdc, constraintFlags, levelIdc, ...chroma, ...size, ...(fps === undefined ? {} : { fps }) };
}

type Chroma = Pick<PictureFormat, 'chromaFormat' | 'bitDepthLuma' | 'bitDepthChroma'>;

/** Chroma format and bit depths; scaling lists are skipped. */
function readChroma(bits: BitReader): Chroma {
  const chromaFormat = bits.unsignedExpGolomb();
  if (chromaFormat === 3) bits.skip(1);
  const bitDepthLuma = bits.unsignedExpGolomb() + 8;
  const bitDepthChroma = bits.unsignedExpGolomb() + 8;
  bits.skip(1);
  if (bits.flag()) {
    for (let i = 0; i < (chromaFormat === 3 ? 12 : 8); i++) {
      if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64);
    }
  }
  return { chromaFormat, bitDepthLuma, bitDepthChroma };
}

/** The format of the first SPS; undefined when there is none or it is damaged. */
export function findPictureFormat({ sps: [sps] }: ParameterSets): PictureFormat | undefined {
  try {
    return sps === undefined ? undefined : readSps(sps);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size; i++) {
    if (next !== 0) next = (last + bits.signedExpGolomb() + 256) % 256;
    last = next === 0 ? last : next;
  }
}

function skipPictureOrder(bits: BitReader): void {
  bits.unsignedExpGolomb();
  const type = bits.unsignedExpGolomb();
  if (type === 0) bits.unsignedExpGolomb();
  if (type !== 1) return;
  bits.skip(1);
  bits.signedExpGolomb();
  bits.signedExpGolomb();
  const cycle = bits.unsignedExpGolomb();
  if (cycle > 255) throw new RangeError('The picture order cycle is longer than 255.');
  for (let i = 0; i < cycle; i++) bits.signedExpGolomb();
}

function readSize(bits: BitReader, chromaFormat: number): { width: number; height: number } {
  const widthMacroblocks = bits.unsignedExpGolomb() + 1;
  const heightMapUnits = bits.unsignedExpGolomb() + 1;
  const framesOnly = bits.flag();
  if (!framesOnly) bits.skip(1);
  bits.skip(1);
  const fieldFactor = framesOnly ? 1 : 2;
  const crop = bits.flag() ? Array.from({ length: 4 }, () => bits.unsignedExpGolomb()) : [0, 0, 0, 0];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = (chromaFormat === 1 ? 2 : 1) * fieldFactor;
  const width = widthMacroblocks * 16 - unitX * (left + right);
  const height = heightMapUnits * 16 * fieldFactor - unitY * (top + bottom);
  // Level 6.2 ends at 16,384 pixels a side (table A-1): anything else is a damaged set.
  if (width < 1 || height < 1 || width > 16_384 || height > 16_384)
    throw new RangeError(`The SPS declares an impossible picture of ${width}×${height}.`);
  return { width, height };
}

/** Timing of the video usability information; undefined where the encoder leaves it out. */
function readFrameRate(bits: BitReader): number | undefined {
  if (bits.flag() && bits.bits(8) === extendedSampleAspectRatio) bits.skip(32);
  if (bits.flag()) bits.skip(1);
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) bits.skip(24);
  }
  if (bits.flag()) {
    bits.unsignedExpGolomb();
    bits.unsignedExpGolomb();
  }
  if (!bits.flag()) return undefined;
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  // A tick is a field: two make a frame.
  const fps = timeScale / (2 * unitsInTick);
  return Number.isFinite(fps) && fps > 0 && fps <= 1_000 ? fps : undefined;
}
