import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openOwnDatabase } from '@aovis/dev-database/own-database';
import { backendEnvironment, partnerSecrets } from './backend-environment.ts';
import { setUpCloud } from './cloud-setup.ts';
import { type Endpoints, readEndpoints } from './endpoints.ts';
import { Factory, stationId } from './factory.ts';
import { expectProgram, ManagedProcess, type ProgramResult, runProgram } from './managed-process.ts';
import { setUpPartners } from './partner-setup.ts';
import { SystemFolder } from './system-folder.ts';
import { SystemLock } from './system-lock.ts';

const script = (path: string): string => join(import.meta.dirname, '../..', path);

export interface LocalSystemOptions {
  /** Holds everything of this system. */
  directory: string;
  /** A PostgreSQL of one's own instead of the embedded one. */
  databaseUrl?: string | undefined;
  /** Settings of the backend on top of this system's own, by variable. */
  backendSettings?: Readonly<Record<string, string>> | undefined;
}

/**
 * Database, stand-ins and backend on one machine, each a program of its own, as in production but for the endpoints.
 * Parts are started in order by whoever uses it, so that they can be shown, timed, killed and started again.
 */
export class LocalSystem {
  readonly folder: SystemFolder;
  readonly endpointsFile: string;
  readonly #options: LocalSystemOptions;
  readonly #lock: SystemLock;
  readonly #programs = new Map<string, ManagedProcess>();
  #endpoints: Endpoints | undefined;
  #databaseUrl: string | undefined;
  #backendUrl: string | undefined;

  constructor(options: LocalSystemOptions) {
    this.#options = options;
    ensureWritable(options.directory);
    this.folder = new SystemFolder(options.directory);
    this.endpointsFile = join(this.folder.root, 'endpoints.json');
    this.#lock = new SystemLock(this.folder.root);
  }

  /** Takes the folder for this process; throws a sentence when another simulator runs on it. */
  open(): void {
    this.#lock.take();
  }

  get endpoints(): Endpoints {
    return present(this.#endpoints, 'local-cloud');
  }
  get databaseUrl(): string {
    return present(this.#databaseUrl, 'the database');
  }
  get backendUrl(): string {
    return present(this.#backendUrl, 'the backend');
  }
  get factory(): Factory {
    return new Factory({
      workspace: this.folder.factory,
      passphraseFile: this.folder.secretFile('ca-passphrase'),
      endpoints: this.endpoints,
      backendUrl: this.backendUrl,
    });
  }

  /** A program of this system, to be killed or waited for. */
  program(name: string): ManagedProcess {
    return present(this.#programs.get(name), name);
  }

  /** The programs that run, in the order they were started. */
  get programs(): readonly ManagedProcess[] {
    return [...this.#programs.values()];
  }

  async startDatabase(): Promise<void> {
    if (this.#options.databaseUrl !== undefined) {
      this.#databaseUrl = await openOwnDatabase({
        variable: 'DATABASE_URL',
        address: this.#options.databaseUrl,
      });
      return;
    }
    const urlFile = join(this.folder.root, 'secrets', 'database-url');
    this.folder.secretFile('ca-passphrase');
    // Started anew it must be found where it was: the others keep its address.
    const port = this.#databaseUrl === undefined ? [] : ['--port', new URL(this.#databaseUrl).port];
    const database = this.#start('database', {
      args: [
        script('simulator/src/database-process.ts'),
        '--data-directory',
        this.folder.database,
        '--url-file',
        urlFile,
        ...port,
      ],
      env: {},
    });
    await database.line((line) => (line === 'database ready' ? true : undefined));
    this.#databaseUrl = readFileSync(urlFile, 'utf8');
  }

  async migrate(): Promise<void> {
    await this.#run('migrate', [script('migrations/migrate.ts')], { DATABASE_URL: this.databaseUrl });
    if (this.#options.databaseUrl !== undefined && !existsSync(this.folder.factory)) {
      await this.#refuseBoardsOfAnother();
    }
  }

  /** A factory that begins anew has new keys, and its boards would bear the names of those already there. */
  async #refuseBoardsOfAnother(): Promise<void> {
    const { stdout: stations } = await this.backendCli('station', 'list');
    if (stations.trim() === '') return;
    throw new Error(
      `The database that DATABASE_URL names belongs to another system already, and ${this.folder.root} begins anew. Write another database name in DATABASE_URL (it is made when there is none), or drop this one first.`,
    );
  }

  async startCloud(): Promise<void> {
    const cloud = this.#start('local-cloud', {
      args: [script('local-cloud/src/main.ts')],
      env: { LOCAL_CLOUD_DIR: this.folder.cloud, LOCAL_CLOUD_ENDPOINTS_FILE: this.endpointsFile },
    });
    await cloud.line((line) => (line.startsWith('local-cloud is ready') ? true : undefined));
    this.#endpoints = readEndpoints(this.endpointsFile);
  }

  async startBackend(): Promise<void> {
    const port = await this.folder.port('backend');
    this.#backendUrl = `http://127.0.0.1:${port}`;
    const backend = this.#start('backend', {
      args: [script('backend/src/main.ts')],
      env: this.backendEnvironment(port),
    });
    await backend.line((line) => (line.includes('"listening"') ? true : undefined));
  }

  /** A further instance on the same database, behind the same public address. Returns where it listens. */
  async startAnotherBackend(number: number): Promise<string> {
    const name = `backend-${number}`;
    const port = await this.folder.port(name);
    const backend = this.#start(name, {
      args: [script('backend/src/main.ts')],
      env: { ...this.backendEnvironment(port), AOVIS_PUBLIC_URL: this.backendUrl },
    });
    await backend.line((line) => (line.includes('"listening"') ? true : undefined));
    return `http://127.0.0.1:${port}`;
  }

  /** What `.env.example` asks for, with this system's endpoints. */
  backendEnvironment(port: number): Record<string, string> {
    const { endpoints, folder, databaseUrl } = this;
    return {
      ...backendEnvironment({ endpoints, folder, databaseUrl, port }),
      ...this.#options.backendSettings,
    };
  }

  /** What the account and the backend must know before the first board. Repeating it changes nothing. */
  async prepareAccount(): Promise<void> {
    await setUpCloud(this.endpoints, {
      backendUrl: this.backendUrl,
      iotEventSecret: this.folder.secret('iot-event'),
    });
    await setUpPartners(this.endpoints, {
      backendUrl: this.backendUrl,
      secrets: partnerSecrets(this.folder),
    });
  }

  /** Makes CA and station key, registers both where they have to be known. Repeating it changes nothing. */
  async prepareFactory(): Promise<void> {
    const { factory } = this;
    await factory.initialise();
    const keyFile = join(this.folder.factory, 'station-public-key.pem');
    writeFileSync(keyFile, await factory.stationPublicKey(), { mode: 0o600 });
    await this.backendCli('station', 'add', '--id', stationId, '--public-key-file', keyFile);
  }

  /** An operator's command on the backend's database. */
  async backendCli(...words: string[]): Promise<ProgramResult> {
    return this.#run(
      `backend ${words.join(' ')}`,
      [script('backend/src/cli.ts'), ...words],
      this.#cliEnvironment(),
    );
  }

  /** As `backendCli`, for commands that may refuse. */
  async tryBackendCli(...words: string[]): Promise<ProgramResult> {
    return runProgram({
      name: 'backend',
      args: [script('backend/src/cli.ts'), ...words],
      env: this.#cliEnvironment(),
    });
  }

  /** The backend's own, once it runs; most commands need no more than the database. */
  #cliEnvironment(): Record<string, string> {
    if (this.#backendUrl === undefined) return { DATABASE_URL: this.databaseUrl };
    return this.backendEnvironment(Number(new URL(this.#backendUrl).port));
  }

  /** Stops what runs, last started first. Safe to call twice. */
  async stop(): Promise<void> {
    for (const program of this.programs.toReversed()) await program.stop();
    this.#programs.clear();
    rmSync(this.endpointsFile, { force: true });
    this.#lock.release();
  }

  #start(name: string, { args, env }: { args: string[]; env: Record<string, string> }): ManagedProcess {
    const program = new ManagedProcess({
      name,
      args,
      env,
      logFile: this.folder.log(name),
      cwd: this.folder.root,
    });
    this.#programs.set(name, program);
    return program;
  }

  async #run(name: string, args: string[], env: Record<string, string>): Promise<ProgramResult> {
    return expectProgram({ name, args, env, cwd: this.folder.root });
  }
}

function ensureWritable(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.W_OK);
  } catch (cause) {
    throw new Error(
      `The state of the system cannot be written to ${directory}. Make that folder writable, or name another one: -- --directory <path>`,
      { cause },
    );
  }
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} has not been started.`);
  return value;
}
