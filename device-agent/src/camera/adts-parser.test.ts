import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { adtsFrame } from '../streaming/testing/adts.ts';
import { AdtsParser } from './adts-parser.ts';
import type { AudioFrame } from './audio-frame.ts';

/** 1,024 samples at 16 kHz. */
const frameMs = 64;

it('gives frames without their headers, and what describes them', () => {
  const [frame] = new AdtsParser().push(adtsFrame(Buffer.from('0102', 'hex')), 10_064);
  expect(frame).toMatchObject({
    timestampMs: 10_000,
    // AAC-LC, 16 kHz, one channel
    format: { codecPrivate: Buffer.from('1408', 'hex'), samplingHz: 16_000, channels: 1 },
  });
  expect(frame?.data.toString('hex')).toBe('0102');
});

it('finds every frame however the bytes are cut, and goes on behind what is none', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
  const noise = fc.uint8Array({ maxLength: 20 }).map((each) => each.filter((byte) => byte !== 0xff));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(noise, bytes), { maxLength: 20 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 30 })),
      (parts, cuts) => {
        const stream = Buffer.concat(parts.flatMap(([junk, data]) => [junk, adtsFrame(Buffer.from(data))]));
        const parser = new AdtsParser();
        const found: AudioFrame[] = [];
        for (let at = 0; at < stream.length; ) {
          const length = cuts.next().value;
          found.push(...parser.push(stream.subarray(at, at + length), 0));
          at += length;
        }
        expect(found.map(({ data }) => data.toString('hex'))).toEqual(
          parts.map(([, data]) => Buffer.from(data).toString('hex')),
        );
      },
    ),
  );
});

it('takes any bytes, and keeps few of them', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 2_000 })), (chunks) => {
      const parser = new AdtsParser();
      for (const chunk of chunks) parser.push(chunk, 0);
    }),
  );
});

it('gives times that follow the samples, not the jitter of arrival', () => {
  const parser = new AdtsParser();
  const times = Array.from({ length: 100 }, (_, index) => {
    const jitterMs = index % 2 === 0 ? 40 : 0;
    return parser.push(adtsFrame(), 1_000_000 + (index + 1) * frameMs + jitterMs)[0]?.timestampMs ?? 0;
  });
  const distances = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(Math.max(...distances)).toBeLessThan(frameMs + 1);
  expect(Math.min(...distances)).toBeGreaterThan(frameMs - 1);
});

it('follows a clock that is set, and frames that come together', () => {
  const parser = new AdtsParser();
  parser.push(adtsFrame(), 1_000);
  expect(
    parser.push(Buffer.concat([adtsFrame(), adtsFrame()]), 5_128).map(({ timestampMs }) => timestampMs),
  ).toEqual([5_000, 5_064]);
});
