/** What a track of AAC needs to be described; the same object as long as nothing changes within one capture. */
export interface AudioFormat {
  /** AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). */
  codecPrivate: Buffer;
  samplingHz: number;
  channels: number;
}

/** One frame of AAC without its ADTS header, 1,024 samples. */
export interface AudioFrame {
  data: Buffer;
  /** Wall clock of its first sample, milliseconds since the epoch. */
  timestampMs: number;
  format: AudioFormat;
}
