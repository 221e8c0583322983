/** A frame of AAC-LC without sound, one channel. */
export const silentFrame = Buffer.from('00c800802380', 'hex');

/** ADTS header, without CRC, before a frame of AAC-LC at 16 kHz with one channel (ISO/IEC 14496-3, 1.A.2.2). */
export function adtsFrame(data: Buffer = silentFrame): Buffer {
  const length = data.length + 7;
  const header = [
    0xff,
    0xf1,
    0x60,
    0x40 | (length >> 11),
    (length >> 3) & 0xff,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  ];
  return Buffer.concat([Buffer.from(header), data]);
}
