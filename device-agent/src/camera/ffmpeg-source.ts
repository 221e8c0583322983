import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../host/clock.ts';
import type { AccessUnit } from './access-unit.ts';
import { AccessUnitParser } from './access-unit-parser.ts';
import type { CameraSource } from './camera-source.ts';
import { withoutPasswords } from './source-specification.ts';

/** How much of what ffmpeg complained about goes into the error. */
const stderrTailChars = 1_000;
/** A child that does not mind SIGTERM for so long is killed. */
const killAfterMs = 2_000;

export interface FfmpegSourceOptions {
  name: string;
  /** Program to run: a name found on PATH, or a path. */
  ffmpeg: string;
  arguments: readonly string[];
  clock: Clock;
}

/** Pictures from an ffmpeg child process that writes Annex B to its standard output, stamped as they arrive. */
export class FfmpegSource implements CameraSource {
  readonly name: string;
  readonly #options: FfmpegSourceOptions;

  constructor(options: FfmpegSourceOptions) {
    this.name = options.name;
    this.#options = options;
  }

  capture(signal: AbortSignal, onAccessUnit: (accessUnit: AccessUnit) => void): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { ffmpeg, clock } = this.#options;
    const child = spawn(ffmpeg, this.#options.arguments, { stdio: ['ignore', 'pipe', 'pipe'] });
    const parser = new AccessUnitParser();
    let failure: Error | undefined;
    let complaints = '';
    const stop = (): void => terminate(child, clock);
    signal.addEventListener('abort', stop, { once: true });

    child.stdout.on('data', (chunk: Buffer) => {
      if (signal.aborted || failure !== undefined) return;
      try {
        for (const accessUnit of parser.push(chunk, clock.now())) onAccessUnit(accessUnit);
      } catch (error) {
        failure = error as Error;
        stop();
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints = `${complaints}${text}`.slice(-stderrTailChars);
    });
    child.on('error', (error) => {
      failure ??= this.#startFailure(error);
    });
    return new Promise((resolve, reject) => {
      child.on('close', (code, killedBy) => {
        signal.removeEventListener('abort', stop);
        if (signal.aborted) return resolve();
        if (failure !== undefined) return reject(failure);
        if (code === 0) {
          for (const accessUnit of parser.flush()) onAccessUnit(accessUnit);
          return resolve();
        }
        return reject(new Error(exitMessage(this.name, code, killedBy, complaints)));
      });
    });
  }

  #startFailure(error: NodeJS.ErrnoException): Error {
    const { ffmpeg } = this.#options;
    const message =
      error.code === 'ENOENT'
        ? `The program ${ffmpeg} was not found. Install ffmpeg (apt install ffmpeg), or use the camera source "clip", which needs no program.`
        : `The program ${ffmpeg} cannot be started: ${error.message}.`;
    return new Error(message, { cause: error });
  }
}

function exitMessage(name: string, code: number | null, killedBy: string | null, complaints: string): string {
  const how = killedBy === null ? `code ${code}` : `signal ${killedBy}`;
  const why = withoutPasswords(complaints.trim().replace(/\s*\n\s*/g, ' | '));
  return `ffmpeg ended with ${how} on the camera source ${name}${why === '' ? '.' : `: ${why}`}`;
}

function terminate(child: ChildProcess, clock: Clock): void {
  child.kill('SIGTERM');
  const cancel = clock.after(killAfterMs, () => child.kill('SIGKILL'));
  child.once('close', cancel);
}
