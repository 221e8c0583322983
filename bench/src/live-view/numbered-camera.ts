import { openSync, readFileSync, writeSync } from 'node:fs';
import { clipFps } from './numbered-clip.ts';

/**
 * Stands in for a camera with its encoder, where the agent would start ffmpeg: writes the pictures of a clip to standard
 * output when they are due, over and over, and notes when each went out: `<number> <milliseconds since the epoch>`.
 */
const [clip, journal] = process.argv.slice(2);
if (clip === undefined || journal === undefined) throw new Error('numbered-camera <clip> <journal>');
const pictures = splitPictures(readFileSync(clip));
const notes = openSync(journal, 'a');
const startedAt = performance.now();

function next(count: number): void {
  const number = count % pictures.length;
  writeSync(notes, `${number} ${performance.timeOrigin + performance.now()}\n`);
  process.stdout.write(pictures[number] as Buffer);
  const dueAt = startedAt + ((count + 1) * 1_000) / clipFps;
  setTimeout(() => next(count + 1), Math.max(0, dueAt - performance.now()));
}

/** Each begins with an access unit delimiter (ITU-T H.264, 7.3.2.4), behind a start code of four bytes. */
function splitPictures(stream: Buffer): Buffer[] {
  const delimiter = Buffer.of(0, 0, 0, 1, 9);
  const starts: number[] = [];
  for (let at = stream.indexOf(delimiter); at >= 0; at = stream.indexOf(delimiter, at + 1)) starts.push(at);
  return starts.map((start, index) => stream.subarray(start, starts[index + 1]));
}

next(0);
