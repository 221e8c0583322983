import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const sessionsSchema = z.record(z.string(), z.string());

/** Refresh tokens by e-mail address, as an app keeps them: one sign-in serves many commands. A file of mode 0600. */
export class AppSessions {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  find(email: string): string | undefined {
    return this.#read()[email];
  }

  keep(email: string, refreshToken: string): void {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    const part = `${this.#file}.${process.pid}.part`;
    writeFileSync(part, JSON.stringify({ ...this.#read(), [email]: refreshToken }), { mode: 0o600 });
    chmodSync(part, 0o600);
    renameSync(part, this.#file);
  }

  /** What cannot be read is as good as nothing: people sign in again. */
  #read(): Record<string, string> {
    try {
      return sessionsSchema.parse(JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch {
      return {};
    }
  }
}
