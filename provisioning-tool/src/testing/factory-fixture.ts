import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from '../cli.ts';
import { systemClock } from '../clock.ts';
import { findMode } from '../files/durable-files.ts';
import { FakeBackend } from './fake-backend.ts';
import { FakeIotServer } from './fake-iot-server.ts';

export interface CliAnswer {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export const passphrase = 'canary-passphrase-of-the-ca';
const secretAccessKey = 'canary-secret-access-key';

/** A factory on a temporary folder, with its cloud and its backend on free ports. */
export class FactoryFixture {
  readonly iot = new FakeIotServer();
  readonly backend = new FakeBackend();
  readonly said: string[] = [];
  #processEnv: NodeJS.ProcessEnv | undefined;
  directory = '';
  env: Record<string, string> = {};

  get workspace(): string {
    return join(this.directory, 'factory');
  }

  get passphraseFile(): string {
    return join(this.directory, 'passphrase');
  }

  async start(): Promise<void> {
    this.directory = await mkdtemp(join(tmpdir(), 'aovis-provision-'));
    this.iot.prepare();
    this.env = {
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AOVIS_IOT_CONTROL_URL: await this.iot.start(),
      AOVIS_BACKEND_URL: await this.backend.start(),
      AOVIS_STATION_ID: 'line-1',
      AOVIS_ROOT_CA_FILE: join(this.workspace, 'ca', 'root.crt'),
      AOVIS_OUTAGE_PATIENCE_SECONDS: '5',
      AOVIS_TPS_REGISTER_CERTIFICATE: '1000',
      AOVIS_TPS_UPDATE_CERTIFICATE: '1000',
      AOVIS_TPS_DESCRIBE_CERTIFICATE: '1000',
      AOVIS_TPS_ATTACH_POLICY: '1000',
      AOVIS_TPS_CREATE_THING: '1000',
      AOVIS_TPS_ATTACH_THING_PRINCIPAL: '1000',
    };
    await writeFile(this.passphraseFile, `${passphrase}\n`, { mode: 0o600 });
    // The SDK reads its credentials from the process, as it does in life.
    this.#processEnv = { ...process.env };
    Object.assign(process.env, this.env);
  }

  async stop(): Promise<void> {
    if (this.#processEnv) process.env = this.#processEnv;
    await Promise.all([this.iot.stop(), this.backend.stop()]);
    await rm(this.directory, { recursive: true, force: true });
  }

  /** CA made and registered, station made and known at the backend. */
  async prepare(): Promise<void> {
    await this.succeed('ca', 'init', '--passphrase-file', this.passphraseFile);
    await this.succeed('ca', 'register');
    const station = JSON.parse((await this.succeed('station', 'init', '--json')).stdout) as {
      station_id: string;
      public_key_pem: string;
    };
    this.backend.stations.set(station.station_id, station.public_key_pem);
  }

  /** The command line, in this process. */
  async cli(...argv: string[]): Promise<CliAnswer> {
    return await this.cliUntil(new AbortController().signal, ...argv);
  }

  async cliUntil(signal: AbortSignal, ...argv: string[]): Promise<CliAnswer> {
    return await this.#run(new PassThrough(), signal, argv);
  }

  /** With something piped into standard input. */
  async cliWithInput(input: string, ...argv: string[]): Promise<CliAnswer> {
    const stdin = new PassThrough();
    stdin.end(input);
    return await this.#run(stdin, new AbortController().signal, argv);
  }

  async #run(stdin: PassThrough, signal: AbortSignal, argv: readonly string[]): Promise<CliAnswer> {
    const streams = { stdin, stdout: new PassThrough(), stderr: new PassThrough() };
    const exitCode = await run([...argv, '--workspace', this.workspace], streams, {
      env: this.env,
      clock: systemClock,
      random: Math.random,
      signal,
      version: '0.0.0-test',
    });
    const answer = { exitCode, stdout: drain(streams.stdout), stderr: drain(streams.stderr) };
    this.said.push(answer.stdout, answer.stderr);
    return answer;
  }

  async succeed(...argv: string[]): Promise<CliAnswer> {
    const answer = await this.cli(...argv);
    if (answer.exitCode !== 0)
      throw new Error(`${argv.join(' ')} ended with ${answer.exitCode}: ${answer.stderr}`);
    return answer;
  }

  async writeCsv(name: string, content: string): Promise<string> {
    const path = join(this.directory, name);
    await writeFile(path, content);
    return path;
  }

  /** `count` boards, N4K-000001 and so on. */
  writeBoards(name: string, count: number): Promise<string> {
    const rows = Array.from({ length: count }, (_, i) => `${serialOf(i + 1)},n4k,`);
    return this.writeCsv(name, ['serial,model,iccid', ...rows, ''].join('\n'));
  }

  runBatch(csv: string, ...more: string[]): Promise<CliAnswer> {
    return this.cli('batch', 'run', csv, '--passphrase-file', this.passphraseFile, ...more);
  }

  /** As where a copy of the journal alone was put back: nothing here remembers how far it had been. */
  async forgetJournalEnd(): Promise<void> {
    for (const name of ['journal.jsonl.head', 'audit.jsonl'])
      await rm(join(this.workspace, name), { force: true });
  }

  /** Every file below the workspace, by its path from there. */
  async files(): Promise<Map<string, string>> {
    const entries = await readdir(this.workspace, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    return new Map(
      await Promise.all(
        files.map(
          async (path) => [path.slice(this.workspace.length + 1), await readFile(path, 'utf8')] as const,
        ),
      ),
    );
  }

  /**
   * What must hold at every instant, whatever was killed: a certificate that is ACTIVE lies, with its key, in a
   * finished bundle, or in the one that a new bundle took the place of. Returns the violations.
   */
  async activeWithoutBundle(
    batchIds: readonly string[],
    certificates = this.iot.certificates,
  ): Promise<string[]> {
    // Before the folders are read: what is ACTIVE by then has its bundle.
    const active = [...certificates].filter(([, { status }]) => status === 'ACTIVE');
    const folders = await this.#bundleFolders(batchIds);
    const violations: string[] = [];
    for (const [id, { pem }] of active) {
      const thing = new X509Certificate(pem).subject.slice('CN='.length);
      const held = await Promise.all((folders.get(thing) ?? []).map((folder) => holdsKeyOf(folder, pem)));
      if (!held.includes(true)) violations.push(id);
    }
    return violations;
  }

  /** By thing, where its bundles lie. */
  async #bundleFolders(batchIds: readonly string[]): Promise<Map<string, string[]>> {
    const folders = new Map<string, string[]>();
    for (const batchId of batchIds)
      for (const name of ['bundles', 'replaced']) {
        const parent = join(this.workspace, 'batches', batchId, name);
        for (const thing of await readdir(parent).catch(() => []))
          folders.set(thing, [...(folders.get(thing) ?? []), join(parent, thing)]);
      }
    return folders;
  }
}

async function holdsKeyOf(bundle: string, certificatePem: string): Promise<boolean> {
  const chain = await readFile(join(bundle, 'device.crt'), 'utf8').catch(() => undefined);
  if (chain === undefined || (await findMode(join(bundle, 'device.key'))) !== 0o600) return false;
  return new X509Certificate(chain).fingerprint256 === new X509Certificate(certificatePem).fingerprint256;
}

export function serialOf(number: number): string {
  return `N4K-${String(number).padStart(6, '0')}`;
}

function drain(stream: PassThrough): string {
  const content = stream.read() as Buffer | null;
  return content?.toString('utf8') ?? '';
}
