import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Refusal } from '../refusal.ts';

export interface OutputOptions {
  json: boolean;
  plain: boolean;
  input: boolean;
}

export interface Streams {
  stdin: Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean };
}

/** Where the program speaks: data on stdout, everything said to the operator on stderr. */
export class Terminal {
  readonly options: OutputOptions;
  readonly #streams: Streams;
  readonly #colour: boolean;

  constructor(streams: Streams, options: OutputOptions, env: Partial<Record<string, string>>) {
    this.#streams = streams;
    this.options = options;
    this.#colour =
      streams.stderr.isTTY === true && !options.plain && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  }

  /** Whether bars may move on stderr. */
  get animated(): boolean {
    return this.#streams.stderr.isTTY === true && !this.options.plain && !this.options.json;
  }

  /** For data that is no text; undefined where people would see it. */
  get dataSink(): Writable | undefined {
    return this.#streams.stdout.isTTY === true ? undefined : this.#streams.stdout;
  }

  get stderr(): Writable {
    return this.#streams.stderr;
  }

  /** The command's result: as JSON with `--json`, else as lines. */
  result(value: unknown, lines: readonly string[]): void {
    const text = this.options.json ? JSON.stringify(value) : lines.join('\n');
    this.#streams.stdout.write(`${text}\n`);
  }

  /** Columns for eyes, or tab-separated with `--plain`. */
  table(rows: readonly (readonly string[])[]): string[] {
    if (this.options.plain) return rows.map((row) => row.join('\t'));
    const widths = rows.reduce<number[]>(
      (widest, row) => row.map((cell, index) => Math.max(widest[index] ?? 0, cell.length)),
      [],
    );
    return rows.map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }

  say(sentence: string): void {
    this.#streams.stderr.write(`${sentence}\n`);
  }

  warn(sentence: string): void {
    this.say(`${this.#paint(33, 'warning')}: ${sentence}`);
  }

  /** The reason why the program ends, machine-readable with `--json`. */
  fail(error: { kind: string; message: string; details: readonly string[]; exitCode: number }): void {
    if (this.options.json) {
      const { kind: code, message, details, exitCode: exit_code } = error;
      this.say(JSON.stringify({ error: { code, message, details, exit_code } }));
      return;
    }
    this.say(`${this.#paint(31, 'error')}: ${error.message}`);
    for (const detail of error.details) this.say(`  ${detail}`);
  }

  /** Asks for a secret; what is typed is not shown. */
  async askSecret(question: string, flag = '--passphrase-file'): Promise<string> {
    const { stdin } = this.#streams;
    if (!this.options.input || stdin.isTTY !== true || !stdin.setRawMode) {
      throw new Refusal('usage', `${question}: it is needed and nobody can type it here; give ${flag} FILE.`);
    }
    this.#streams.stderr.write(`${question}: `);
    stdin.setRawMode(true);
    try {
      return await readHiddenLine(stdin);
    } finally {
      stdin.setRawMode(false);
      stdin.pause();
      this.#streams.stderr.write('\n');
    }
  }

  /**
   * Lines that hold secrets, such as scanned codes, one after the other until the end of the input. Typed ones are not
   * shown; an empty one or Ctrl-D ends them.
   */
  async *secretLines(question: string, signal: AbortSignal): AsyncGenerator<string> {
    const { stdin } = this.#streams;
    if (stdin.isTTY !== true || !stdin.setRawMode) {
      for await (const line of createInterface({ input: stdin, crlfDelay: Infinity, signal })) yield line;
      return;
    }
    if (!this.options.input)
      throw new Refusal('usage', 'There is nothing on standard input; pipe the scans in.');
    this.say(question);
    stdin.setRawMode(true);
    try {
      for await (const line of hiddenLines(stdin)) {
        if (line === '') return;
        yield line;
      }
    } finally {
      stdin.setRawMode(false);
      stdin.pause();
    }
  }

  #paint(code: number, text: string): string {
    return this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

/** In raw mode the terminal edits nothing: enter, backspace, Ctrl-C and Ctrl-D are ours to understand. */
function readHiddenLine(stdin: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = '';
    const finish = (end: () => void) => {
      stdin.off('data', onData);
      end();
    };
    const onData = (chunk: Buffer | string) => {
      for (const key of chunk.toString()) {
        if (key === '\r' || key === '\n') return finish(() => resolve(typed));
        if (key === '\u0003' || key === '\u0004')
          return finish(() => reject(new Refusal('interrupted', 'Interrupted.')));
        if (key === '\u007f' || key === '\b') typed = typed.slice(0, -1);
        else typed += key;
      }
    };
    stdin.on('data', onData);
    stdin.resume();
  });
}

/** As `readHiddenLine`, for many lines: a scanner types faster than they are taken, and several may come at once. */
async function* hiddenLines(stdin: Readable): AsyncGenerator<string> {
  let typed = '';
  for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
    for (const key of String(chunk)) {
      if (key === '\u0003') throw new Refusal('interrupted', 'Interrupted.');
      if (key === '\u0004') return;
      if (key === '\r' || key === '\n') {
        yield typed;
        typed = '';
      } else if (key === '\u007f' || key === '\b') typed = typed.slice(0, -1);
      else typed += key;
    }
  }
}
