import { createServer, type Server } from 'node:http';
import { Writable } from 'node:stream';
import type { SignInProvider } from '@aovis/contracts/http/auth';
import { type Backend, composeBackend } from '../compose.ts';
import type { Adapters } from '../composition/adapters.ts';
import { loadConfig } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { IdTokenVerifier, ProviderIdentity } from '../features/auth/id-token-verifier.ts';
import { AppError } from '../kernel/errors.ts';
import { FakeClock } from '../kernel/fake-clock.ts';
import { createLogger } from '../kernel/logger.ts';
import type { Mail, Mailer } from '../mail/mailer.ts';
import { fakeAdapters } from './fake-adapters.ts';
import { testEnvironment } from './test-environment.ts';

/** Keeps the mails, and hands the next one to who waits for it. */
export class FakeMailer implements Mailer {
  readonly sent: Mail[] = [];
  #waiting: ((mail: Mail) => void)[] = [];

  async send(mail: Mail): Promise<void> {
    const next = this.#waiting.shift();
    if (next) next(mail);
    else this.sent.push(mail);
  }

  next(): Promise<Mail> {
    const mail = this.sent.shift();
    return mail ? Promise.resolve(mail) : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Takes the JSON of an identity for its token. */
export class FakeIdTokens implements IdTokenVerifier {
  async verify(provider: SignInProvider, idToken: string): Promise<ProviderIdentity> {
    try {
      const claims = JSON.parse(idToken) as Omit<ProviderIdentity, 'provider'>;
      return { ...claims, provider };
    } catch (cause) {
      throw new AppError('invalid_token', { cause });
    }
  }
}

export interface BackendUnderTest {
  backend: Backend;
  /** For supertest; listens nowhere by itself. */
  server: Server;
  clock: FakeClock;
  mailer: FakeMailer;
  /** All log lines so far, as one text. */
  logged(): string;
}

/** The backend as it is composed, over a real database, with what lies outside it faked. */
export function createBackendUnderTest(
  db: Database,
  databaseUrl: string,
  environment: Record<string, string> = {},
  adapters: Partial<Adapters> = {},
): BackendUnderTest {
  const clock = new FakeClock();
  const mailer = new FakeMailer();
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const backend = composeBackend(
    loadConfig({ ...testEnvironment(databaseUrl), ...environment }),
    fakeAdapters({
      db,
      clock,
      log: createLogger({ level: 'debug', destination }),
      mailer,
      idTokens: new FakeIdTokens(),
      ...adapters,
    }),
  );
  return { backend, server: createServer(backend.app), clock, mailer, logged: () => lines.join('') };
}
