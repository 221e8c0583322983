import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { formatActivationCode, generateActivationCode } from '@aovis/contracts/activation-code';
import { describe, expect, it } from '@jest/globals';
import { presets } from './label-format.ts';
import type { LabelText } from './label-layout.ts';
import { type SheetJob, writeLabelSheets } from './label-sheets.ts';

function jobOf(preset: string, more: Partial<SheetJob> = {}): SheetJob {
  const format = presets[preset];
  if (!format) throw new Error(`no preset ${preset}`);
  return {
    format,
    title: 'Batch boards',
    activationUrl: 'https://app.example.com',
    cutMarks: format.cut_marks,
    outlines: false,
    skip: 0,
    shift: { x: 0, y: 0 },
    createdAt: Date.UTC(2026, 10, 21, 12),
    signal: new AbortController().signal,
    ...more,
  };
}

function* labels(count: number): Generator<LabelText> {
  for (let number = 1; number <= count; number++)
    yield {
      deviceId: `aovis-n4k-${String(number).padStart(6, '0')}`,
      serial: `N4K-${String(number).padStart(6, '0')}`,
      code: formatActivationCode(generateActivationCode(randomBytes)),
    };
}

/** Takes its time over each chunk, and remembers how much had to wait. */
class SlowDisk extends Writable {
  most = 0;
  bytes = 0;
  readonly #failAfter: number;

  constructor(failAfter = Number.POSITIVE_INFINITY) {
    super();
    this.#failAfter = failAfter;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.most = Math.max(this.most, this.writableLength);
    this.bytes += chunk.length;
    const error = this.bytes > this.#failAfter ? new Error('ENOSPC: no space left on device') : undefined;
    setImmediate(() => done(error));
  }
}

describe('label sheets', () => {
  it('count sheets and labels; used-up places of the first sheet count too', async () => {
    const write = (preset: string, count: number, skip: number) =>
      writeLabelSheets(new SlowDisk(), jobOf(preset, { skip }), labels(count));
    expect(await write('a4-24', 24, 0)).toEqual({ sheets: 1, labels: 24 });
    expect(await write('a4-24', 25, 0)).toEqual({ sheets: 2, labels: 25 });
    expect(await write('a4-24', 24, 23)).toEqual({ sheets: 2, labels: 24 });
    expect(await write('roll-40x20', 3, 0)).toEqual({ sheets: 3, labels: 3 });
  });

  it('wait for a slow disk instead of filling the memory', async () => {
    const disk = new SlowDisk();
    await writeLabelSheets(disk, jobOf('a4-24'), labels(24 * 80));
    expect(disk.bytes).toBeGreaterThan(2_000_000);
    // A sheet has about 28 kB; a few are on their way when the next begins.
    expect(disk.most).toBeLessThan(250_000);
  });

  it('end with what is wrong with the disk', async () => {
    await expect(writeLabelSheets(new SlowDisk(50_000), jobOf('a4-24'), labels(24 * 40))).rejects.toThrow(
      'ENOSPC',
    );
  });

  it('end when the operator interrupts, with a label too small, or with the labels’ own trouble', async () => {
    const interrupted = AbortSignal.abort(new Error('Interrupted'));
    await expect(
      writeLabelSheets(new SlowDisk(), jobOf('a4-24', { signal: interrupted }), labels(3)),
    ).rejects.toThrow('Interrupted');
    const tiny = { ...jobOf('roll-40x20').format, label: { width: 8, height: 8 } };
    await expect(
      writeLabelSheets(new SlowDisk(), jobOf('a4-24', { format: tiny }), labels(1)),
    ).rejects.toThrow('too small');
    async function* torn(): AsyncGenerator<LabelText> {
      yield* labels(2);
      throw new Error('labels.csv cannot be read');
    }
    await expect(writeLabelSheets(new SlowDisk(), jobOf('a4-24'), torn())).rejects.toThrow('cannot be read');
  });
});
