import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Secrets that were really used, each under a name that may be printed. */
export class Canary {
  readonly #secrets = new Map<string, string>();

  /** Short texts would be found by chance. */
  add(name: string, secret: string): void {
    if (secret.length < 10) throw new Error(`${name} is too short to be looked for.`);
    this.#secrets.set(name, secret);
  }

  get size(): number {
    return this.#secrets.size;
  }

  /** The names of the secrets that stand in a text: as they are, or in hexadecimal as databases print bytes. */
  foundIn(text: string): string[] {
    return [...this.#secrets]
      .filter(([, secret]) => text.includes(secret) || text.includes(Buffer.from(secret).toString('hex')))
      .map(([name]) => name);
  }
}

/** Every file below a folder that `wanted` takes, by its path from there. */
export function readFiles(folder: string, wanted: (path: string) => boolean): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter(wanted);
  return new Map(paths.map((path) => [path, readFileSync(join(folder, path), 'latin1')]));
}
