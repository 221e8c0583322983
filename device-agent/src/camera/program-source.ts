import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '../host/clock.ts';
import type { AccessUnit } from './access-unit.ts';
import { AccessUnitParser } from './access-unit-parser.ts';
import { AdtsParser } from './adts-parser.ts';
import type { AudioFrame } from './audio-frame.ts';
import type { CameraSource } from './camera-source.ts';
import { withoutPasswords } from './source-specification.ts';

/** How much of what the program complained about goes into the error. */
const stderrTailChars = 1_000;
/** A child that does not mind SIGTERM for so long is killed. */
const killAfterMs = 2_000;

export interface ProgramSourceOptions {
  name: string;
  /** Program to run: a name found on PATH, or a path. */
  program: string;
  arguments: readonly string[];
  /** What to do when there is no such program. */
  install: string;
  /** What to do when the program ends with an error: one sentence. */
  advice: string;
  /** It writes AAC in ADTS to file descriptor 3. */
  sound: boolean;
  clock: Clock;
}

/** Pictures, and sound, from a child process that writes Annex B to its standard output, stamped as they arrive. */
export class ProgramSource implements CameraSource {
  readonly name: string;
  readonly #options: ProgramSourceOptions;

  constructor(options: ProgramSourceOptions) {
    this.name = options.name;
    this.#options = options;
  }

  capture(
    signal: AbortSignal,
    onAccessUnit: (accessUnit: AccessUnit) => void,
    onAudioFrame: (frame: AudioFrame) => void = () => {},
  ): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { program, sound, clock } = this.#options;
    const child = spawn(program, this.#options.arguments, {
      stdio: ['ignore', 'pipe', 'pipe', sound ? 'pipe' : 'ignore'],
    });
    const parser = new AccessUnitParser();
    let failure: Error | undefined;
    let complaints = '';
    const stop = (): void => terminate(child, clock);
    signal.addEventListener('abort', stop, { once: true });

    const parse = (take: (chunk: Buffer) => void) => (chunk: Buffer) => {
      if (signal.aborted || failure !== undefined) return;
      try {
        take(chunk);
      } catch (error) {
        failure = error as Error;
        stop();
      }
    };
    const [, pictures, complaintsOf, soundOf] = child.stdio;
    pictures?.on(
      'data',
      parse((chunk) => {
        for (const accessUnit of parser.push(chunk, clock.now())) onAccessUnit(accessUnit);
      }),
    );
    const adts = new AdtsParser();
    (soundOf as Readable | null)?.on(
      'data',
      parse((chunk) => {
        for (const frame of adts.push(chunk, clock.now())) onAudioFrame(frame);
      }),
    );
    complaintsOf?.setEncoding('utf8').on('data', (text: string) => {
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
        return reject(new Error(exitMessage(this.#options, code, killedBy, complaints)));
      });
    });
  }

  #startFailure(error: NodeJS.ErrnoException): Error {
    const { program, install } = this.#options;
    const message =
      error.code === 'ENOENT'
        ? `The program ${program} was not found. ${install}`
        : `The program ${program} cannot be started: ${error.message}.`;
    return new Error(message, { cause: error });
  }
}

function exitMessage(
  { program, name, advice }: ProgramSourceOptions,
  code: number | null,
  killedBy: string | null,
  complaints: string,
): string {
  const how = killedBy === null ? `code ${code}` : `signal ${killedBy}`;
  const why = withoutPasswords(
    withoutAddresses(complaints)
      .trim()
      .replace(/\s*\n\s*/g, ' | '),
  );
  const what = `${basename(program)} ended with ${how} on the camera source ${name}${why === '' ? '' : `: ${why}`}`;
  return `${what}${/[.!?]$/.test(what) ? '' : '.'} ${advice}`;
}

/** `[v4l2 @ 0x55965b061b00]` → `[v4l2]`: else the same complaint would be another one each time, in `status`, say. */
function withoutAddresses(complaints: string): string {
  return complaints.replace(/ @ 0x[\da-f]+\]/g, ']');
}

function terminate(child: ChildProcess, clock: Clock): void {
  child.kill('SIGTERM');
  const cancel = clock.after(killAfterMs, () => child.kill('SIGKILL'));
  child.once('close', cancel);
}
