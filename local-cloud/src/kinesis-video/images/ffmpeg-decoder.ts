import { type ChildProcess, spawn } from 'node:child_process';
import type { Logger } from 'pino';
import { hasCode } from '../../kernel/errno.ts';
import type { PictureDecoder, PictureRequest } from './picture-decoder.ts';

export interface FfmpegOptions {
  log: Logger;
  /** Default `ffmpeg`, looked for on the PATH. */
  command?: string;
  /** Default 10 s for a picture. */
  timeoutMs?: number;
}

/** Processes at once: a page has 25 pictures, and the machine other things to do. */
const maxProcesses = 2;
const maxPictureBytes = 64 * 1024 * 1024;

/** Decodes by a process of ffmpeg for each picture. Where there is no ffmpeg, nothing can be decoded; the log says so once. */
export class FfmpegDecoder implements PictureDecoder {
  readonly #log: Logger;
  readonly #command: string;
  readonly #timeoutMs: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #saidThatItIsMissing = false;

  constructor({ log, command = 'ffmpeg', timeoutMs = 10_000 }: FfmpegOptions) {
    this.#log = log;
    this.#command = command;
    this.#timeoutMs = timeoutMs;
  }

  async decode(request: PictureRequest, signal: AbortSignal): Promise<Buffer | undefined> {
    await this.#place();
    try {
      if (signal.aborted) return undefined;
      return await this.#run(request, signal);
    } catch (error) {
      this.#report(error);
      return undefined;
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #place(): Promise<void> {
    while (this.#running >= maxProcesses)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    this.#running += 1;
  }

  async #run(request: PictureRequest, signal: AbortSignal): Promise<Buffer> {
    const process = spawn(this.#command, ffmpegArguments(request), {
      stdio: ['pipe', 'pipe', 'pipe'],
      killSignal: 'SIGKILL',
      signal,
    });
    // It may have its picture, and close, before it has read all of the fragment.
    process.stdin.on('error', () => undefined);
    process.stdin.end(Buffer.concat([request.media.header, request.media.cluster]));
    const timer = setTimeout(() => process.kill('SIGKILL'), this.#timeoutMs);
    return picture(process).finally(() => clearTimeout(timer));
  }

  #report(error: unknown): void {
    if (!hasCode(error, 'ENOENT')) {
      this.#log.warn({ err: error }, 'a picture could not be decoded');
      return;
    }
    if (this.#saidThatItIsMissing) return;
    this.#saidThatItIsMissing = true;
    this.#log.warn(
      `There is no ${this.#command} on the PATH: GetImages answers MEDIA_ERROR for every picture. Install ffmpeg.`,
    );
  }
}

/** What a process writes to stdout. Rejects with what it says on stderr when it fails or has no picture. */
async function picture(process: ChildProcess): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let [complaint, bytes] = ['', 0];
  process.stdout?.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxPictureBytes) process.kill('SIGKILL');
  });
  process.stderr?.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString('utf8')}`.slice(0, 1000);
  });
  const ended = await new Promise<string | undefined>((resolve, reject) => {
    process.once('error', reject);
    process.once('close', (code, killedBy) =>
      resolve(code === 0 ? undefined : `ffmpeg ended with ${killedBy ?? code}`),
    );
  });
  if (ended !== undefined || bytes === 0)
    throw new Error(`${ended ?? 'ffmpeg found no such frame'}: ${complaint.trim()}`);
  return Buffer.concat(chunks);
}

function ffmpegArguments({ frame, format, quality, width, height }: PictureRequest): string[] {
  const scale = height === undefined ? [] : [`scale=${width ?? -1}:${height}`];
  const encoder =
    format === 'PNG'
      ? ['-c:v', 'png', '-pix_fmt', 'rgb24']
      : ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-q:v', String(scaleOf(quality))];
  const input = ['-f', 'matroska', '-i', 'pipe:0', '-map', '0:v:0'];
  const filter = ['-vf', [`select=eq(n\\,${frame})`, ...scale].join(',')];
  return ['-v', 'error', ...input, ...filter, '-frames:v', '1', ...encoder, '-f', 'image2pipe', 'pipe:1'];
}

/** ffmpeg's scale of JPEG goes from 2, the best, to 31. */
function scaleOf(quality: number): number {
  return Math.round(31 - ((quality - 1) * 29) / 99);
}
