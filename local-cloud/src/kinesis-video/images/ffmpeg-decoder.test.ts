import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { FfmpegDecoder } from './ffmpeg-decoder.ts';
import type { PictureRequest } from './picture-decoder.ts';

const request: PictureRequest = {
  media: { header: Buffer.from('header '), cluster: Buffer.from('cluster') },
  frame: 3,
  format: 'PNG',
  quality: 80,
  width: 64,
  height: 36,
};
const never = new AbortController().signal;
let directory: string;
let logged: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ffmpeg-decoder-'));
  logged = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const log = pino({ base: null }, { write: (line: string) => void logged.push(line) });
/** A decoder whose ffmpeg is a shell script. */
function decoderOf(script: string, timeoutMs = 10_000): FfmpegDecoder {
  const command = join(directory, 'ffmpeg');
  writeFileSync(command, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
  return new FfmpegDecoder({ log, command, timeoutMs });
}

it('gives the process the fragment and takes what it writes', async () => {
  const decoder = decoderOf('echo "$*"; cat');
  expect((await decoder.decode(request, never))?.toString()).toBe(
    '-v error -f matroska -i pipe:0 -map 0:v:0 -vf select=eq(n\\,3),scale=64:36 -frames:v 1 -c:v png -pix_fmt rgb24 -f image2pipe pipe:1\nheader cluster',
  );
  const jpeg = { ...request, format: 'JPEG', quality: 100, width: undefined } as const;
  expect((await decoder.decode(jpeg, never))?.toString()).toContain(
    'scale=-1:36 -frames:v 1 -c:v mjpeg -pix_fmt yuvj420p -q:v 2 ',
  );
  const plain = { ...jpeg, quality: 1, height: undefined };
  expect((await decoder.decode(plain, never))?.toString()).toContain(
    '-vf select=eq(n\\,3) -frames:v 1 -c:v mjpeg -pix_fmt yuvj420p -q:v 31 ',
  );
});

it('has no picture of a process that fails, writes nothing, or takes too long', async () => {
  expect(await decoderOf('echo broken >&2; exit 1').decode(request, never)).toBeUndefined();
  expect(await decoderOf('exit 0').decode(request, never)).toBeUndefined();
  expect(await decoderOf('exec sleep 60', 20).decode(request, never)).toBeUndefined();
  expect(logged.map((line) => (JSON.parse(line) as { err: { message: string } }).err.message)).toEqual([
    'ffmpeg ended with 1: broken',
    'ffmpeg found no such frame: ',
    'ffmpeg ended with SIGKILL: ',
  ]);
});

it('says once where there is no ffmpeg', async () => {
  const decoder = new FfmpegDecoder({ log, command: join(directory, 'no-ffmpeg') });
  expect(await decoder.decode(request, never)).toBeUndefined();
  expect(await decoder.decode(request, never)).toBeUndefined();
  expect(logged).toHaveLength(1);
  expect(logged[0]).toContain('Install ffmpeg');
});

it('runs two processes at once, and none for a caller who has left', async () => {
  const marks = join(directory, 'marks');
  const decoder = decoderOf(`echo 1 >> ${marks}; cat > /dev/null; echo x; echo -1 >> ${marks}`);
  const pictures = await Promise.all(Array.from({ length: 5 }, () => decoder.decode(request, never)));
  expect(pictures.map(String)).toEqual(Array.from({ length: 5 }, () => 'x\n'));
  const steps = readFileSync(marks, 'utf8').trim().split('\n').map(Number);
  const running = steps.map((_, i) => steps.slice(0, i + 1).reduce((sum, step) => sum + step, 0));
  expect(steps).toHaveLength(10);
  expect(Math.max(...running)).toBeLessThanOrEqual(2);
  expect(await decoder.decode(request, AbortSignal.abort())).toBeUndefined();
});
