import { createPrivateKey } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FactoryFixture, passphrase } from './factory-fixture.ts';

/** Where keys and codes of a workspace are at home. */
export const secretHomes = /(^|\/)(device|station|transport|root|issuing)\.key$|\/labels\.csv$|\/sheets\//;

/** Every secret that a factory has had, in the spellings in which it could stand somewhere. */
export class StationSecrets {
  readonly #factory: FactoryFixture;
  readonly #secrets: Map<string, string>;

  constructor(factory: FactoryFixture) {
    this.#factory = factory;
    this.#secrets = new Map([
      ['passphrase', passphrase],
      ['AWS secret', factory.env['AWS_SECRET_ACCESS_KEY'] ?? ''],
    ]);
  }

  get size(): number {
    return this.#secrets.size;
  }

  /** Takes down every key and code that there is now: those that are replaced later too. */
  async collect(): Promise<void> {
    for (const [path, content] of await this.#factory.files()) {
      if (path.endsWith('/labels.csv')) {
        for (const row of content.trim().split('\n').slice(1))
          this.#addCode(`code in ${row.slice(0, 10)} ${this.size}`, row.split(',')[3] ?? '');
      } else if (path.endsWith('transport.key')) {
        this.#secrets.set(path, content.trim().split('\n').at(-1) ?? '');
      } else if (path.endsWith('.key')) {
        const lines = content.trim().split('\n');
        this.#secrets.set(`${path} ${this.size}`, lines[Math.floor(lines.length / 2)] ?? '');
        if (!content.includes('ENCRYPTED')) this.#addNumber(path, content);
      }
    }
  }

  #addCode(name: string, code: string): void {
    this.#secrets.set(name, code);
    this.#secrets.set(`${name}, bare`, code.replaceAll('-', ''));
  }

  /** The secret number itself, however it is written. */
  #addNumber(path: string, pem: string): void {
    const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' });
    const bytes = Buffer.from(d, 'base64url');
    for (const encoding of ['base64url', 'base64', 'hex', 'latin1'] as const)
      this.#secrets.set(`${path} in ${encoding} ${this.size}`, bytes.toString(encoding));
  }

  /** What stands where, of texts and of files by their names. */
  foundIn(texts: Iterable<readonly [where: string, text: string | Buffer]>): string[] {
    return [...texts].flatMap(([where, text]) =>
      [...this.#secrets]
        .filter(([, secret]) =>
          typeof text === 'string' ? text.includes(secret) : text.includes(secret, 0, 'latin1'),
        )
        .map(([name]) => `${name}, in ${where}`),
    );
  }
}

/** Every file below a folder by its path from there. Bytes: a core file is longer than a string can be. */
export async function filesBelow(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      paths.map(async (path) => [path.slice(folder.length + 1), await readFile(path)] as const),
    ),
  );
}
