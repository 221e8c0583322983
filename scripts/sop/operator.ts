import { userInfo } from 'node:os';
import { PassThrough } from 'node:stream';
import { run } from '../../provisioning-tool/src/cli.ts';
import { systemClock } from '../../provisioning-tool/src/clock.ts';
import type { FactoryFixture } from '../../provisioning-tool/src/testing/factory-fixture.ts';
import type { Piece } from './terminal-picture.ts';

/** Types commands of the real program, answers its questions, and writes down what is on the screen. */
export class Operator {
  readonly #factory: FactoryFixture;
  readonly #passphrase: string;

  constructor(factory: FactoryFixture, passphrase: string) {
    this.#factory = factory;
    this.#passphrase = passphrase;
  }

  /** `typed`: what a scanner types into the running command. */
  async run(words: readonly string[], typed: readonly string[] = []): Promise<Piece[]> {
    const pieces: Piece[] = [{ kind: 'command', text: `aovis-provision ${words.map(quoted).join(' ')}` }];
    const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
    const stdout = this.#screen('stdout', pieces);
    const stderr = this.#screen('stderr', pieces);
    stderr.on('data', (chunk: Buffer) => {
      if (/passphrase.*: $|^once more: $/i.test(chunk.toString())) stdin.write(`${this.#passphrase}\r`);
    });
    for (const line of typed) stdin.write(`${line}\r`);
    if (typed.length > 0) stdin.write('\r');
    const streams = { stdin, stdout, stderr };
    await run(words, streams, {
      env: this.#factory.env,
      clock: systemClock,
      random: Math.random,
      signal: new AbortController().signal,
      version: '1.0.0',
    });
    return pieces;
  }

  #screen(kind: 'stdout' | 'stderr', pieces: Piece[]): PassThrough {
    const stream = new PassThrough();
    stream.on('data', (chunk: Buffer) => {
      const text = this.#public(chunk.toString());
      const last = pieces.at(-1);
      if (last?.kind === kind && !last.text.endsWith('\n')) last.text += text;
      else pieces.push({ kind, text });
    });
    return stream;
  }

  /** Without what is true of this computer only. */
  #public(text: string): string {
    return text
      .replaceAll(this.#factory.directory, '/home/line')
      .replaceAll(this.#factory.env['AOVIS_BACKEND_URL'] ?? '', 'https://api.example.com')
      .replace(new RegExp(`(?<=(?:Z|by) +)${userInfo().username}(?=\\s|\\))`, 'g'), 'anna');
  }
}

function quoted(word: string): string {
  return /\s/.test(word) ? `'${word}'` : word;
}
