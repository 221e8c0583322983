import type { AudioFormat, AudioFrame } from './audio-frame.ts';

/** By sampling_frequency_index (ISO/IEC 14496-3, table 1.18). */
const samplingRates = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
const headerBytes = 7;
const crcBytes = 2;
const samplesPerFrame = 1_024;
/** Arrival times jitter; further from what the samples say than this, the clock was set or sound was lost. */
const maxJitterMs = 200;
/** Of the jitter, so much a frame goes into the time: sound cards and clocks do not run alike. */
const driftShare = 0.02;

interface Header {
  headerLength: number;
  frameLength: number;
  objectType: number;
  rateIndex: number;
  channels: number;
}

/**
 * Cuts AAC in ADTS (ISO/IEC 14496-3, 1.A.2.2) into frames, finding its way again behind what is none. Frames carry the times
 * that follow from their number of samples, as long as they agree with the times of arrival.
 */
export class AdtsParser {
  #pending: Buffer = Buffer.alloc(0);
  #format: (AudioFormat & { key: string }) | undefined;
  #nextMs: number | undefined;

  /** Takes bytes received at `timestampMs`: that is when the last frame they complete has ended. */
  push(chunk: Uint8Array, timestampMs: number): AudioFrame[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const frames: { data: Buffer; format: AudioFormat }[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames.map((frame, index) => {
      const frameMs = (samplesPerFrame * 1_000) / frame.format.samplingHz;
      return {
        ...frame,
        timestampMs: this.#timeOf(timestampMs - (frames.length - index) * frameMs, frameMs),
      };
    });
  }

  #next(): { data: Buffer; format: AudioFormat } | undefined {
    for (let at = 0; at + headerBytes <= this.#pending.length; at++) {
      const header = readHeader(this.#pending, at);
      if (header === undefined) continue;
      const end = at + header.frameLength;
      if (end > this.#pending.length) {
        this.#pending = this.#pending.subarray(at);
        return undefined;
      }
      const data = this.#pending.subarray(at + header.headerLength, end);
      this.#pending = this.#pending.subarray(end);
      return { data, format: this.#formatOf(header) };
    }
    this.#pending = this.#pending.subarray(Math.max(0, this.#pending.length - headerBytes + 1));
    return undefined;
  }

  #formatOf({ objectType, rateIndex, channels }: Header): AudioFormat {
    const key = `${objectType} ${rateIndex} ${channels}`;
    if (this.#format?.key !== key) {
      const codecPrivate = Buffer.alloc(2);
      codecPrivate.writeUInt16BE((objectType << 11) | (rateIndex << 7) | (channels << 3));
      this.#format = { key, codecPrivate, samplingHz: samplingRates[rateIndex] as number, channels };
    }
    return this.#format;
  }

  #timeOf(arrivedMs: number, frameMs: number): number {
    const expected = this.#nextMs ?? arrivedMs;
    const aheadMs = arrivedMs - expected;
    const timestampMs = Math.abs(aheadMs) > maxJitterMs ? arrivedMs : expected + aheadMs * driftShare;
    this.#nextMs = timestampMs + frameMs;
    return timestampMs;
  }
}

/** Undefined where none begins, or one that holds several blocks or channels that no track can describe. */
function readHeader(bytes: Buffer, at: number): Header | undefined {
  const [b0, b1, b2, b3, b4, b5, b6] = bytes.subarray(at, at + headerBytes) as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  // Sync word and layer; the lowest bit says that there is no CRC.
  if (b0 !== 0xff || (b1 & 0xf6) !== 0xf0) return undefined;
  const header: Header = {
    headerLength: (b1 & 1) === 1 ? headerBytes : headerBytes + crcBytes,
    frameLength: ((b3 & 3) << 11) | (b4 << 3) | (b5 >> 5),
    objectType: (b2 >> 6) + 1,
    rateIndex: (b2 >> 2) & 0xf,
    channels: ((b2 & 1) << 2) | (b3 >> 6),
  };
  const describable =
    header.rateIndex < samplingRates.length && (header.channels === 1 || header.channels === 2);
  return describable && (b6 & 3) === 0 && header.frameLength > header.headerLength ? header : undefined;
}
