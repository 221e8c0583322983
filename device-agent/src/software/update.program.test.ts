import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { answerShadowRequests } from '../iot/testing/answer-shadow-requests.ts';
import { TestBroker } from '../iot/testing/test-broker.ts';
import { FakeJobsService } from '../jobs/testing/fake-jobs-service.ts';
import { readStatus } from '../status/status-client.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { testThing, writeBundle } from '../testing/test-bundle.ts';
import { TestCa } from '../testing/test-pki.ts';
import { programFile } from './release.ts';
import { Vendor } from './testing/signed-release.ts';

/** The bundled agent, started again whenever it ends, as systemd does; releases are the same agent under another version. */
const node = process.env.AOVIS_BOARD_NODE ?? process.execPath;
const directory = join(import.meta.dirname, '../../dist/test-update');
const installed = join(directory, programFile);
const restartCode = 22;

/** A release has to be well for 30 s. */
jest.setTimeout(120_000);

let source: string;
let vendor: Vendor;
let broker: TestBroker;
let jobs: FakeJobsService;
let releases: Server;
let served: Buffer;
let board: Board;

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../build.ts'), directory]);
  source = await readFile(installed, 'utf8');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

beforeEach(async () => {
  const ca = await TestCa.create();
  vendor = new Vendor();
  broker = await TestBroker.start(ca);
  answerShadowRequests(broker);
  const answerShadows = broker.onReceived;
  jobs = new FakeJobsService(testThing, ({ topic, payload }) => broker.send(topic, payload));
  broker.onReceived = (message) => {
    answerShadows(message);
    jobs.answer(message);
  };
  releases = createServer((_request, response) => response.end(served)).listen(0, '127.0.0.1');
  await once(releases, 'listening');
  const folder = await temporaryDirectory();
  await writeBundle(join(folder, 'bundle'), ca, {
    iot: `localhost:${broker.port}`,
    credentials: 'localhost:1',
    kinesis_video: 'https://localhost:1',
  });
  await writeFile(join(folder, 'vendor.pem'), vendor.publicKeyPem);
  board = new Board(folder);
});
afterEach(async () => {
  await board.switchOff();
  await broker.kill();
  releases.close();
});

/** Starts the agent whenever it ends. */
class Board {
  readonly state: string;
  readonly exits: (number | null)[] = [];
  readonly #arguments: string[];
  #agent: ChildProcess | undefined;
  #on = true;

  constructor(folder: string) {
    this.state = join(folder, 'state');
    const flags = { bundle: 'bundle', state: 'state', 'update-key': 'vendor.pem' };
    this.#arguments = Object.entries(flags).flatMap(([flag, name]) => [`--${flag}`, join(folder, name)]);
  }

  switchOn(): void {
    const agent = spawn(node, [installed, 'run', ...this.#arguments], { stdio: 'ignore', env: {} });
    this.#agent = agent;
    agent.once('exit', (code) => {
      this.exits.push(code);
      if (this.#on) this.switchOn();
    });
  }

  async switchOff(): Promise<void> {
    this.#on = false;
    await this.kill();
  }

  async kill(): Promise<void> {
    const agent = this.#agent;
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
    agent.kill('SIGKILL');
    await once(agent, 'exit');
  }

  async version(): Promise<string | undefined> {
    return (await readStatus(this.state))?.version;
  }
}

const versionPattern = /(version:\s*)"\d+\.\d+\.\d+"/;
function release(version: string, prefix = ''): void {
  const lines = source.split('\n');
  const [shebang = '', ...rest] = lines;
  const program = [shebang, prefix, ...rest].join('\n').replace(versionPattern, `$1"${version}"`);
  served = Buffer.from(program);
}
function order(jobId: string, version: string, change: object = {}): void {
  const url = `http://127.0.0.1:${(releases.address() as AddressInfo).port}/${version}`;
  jobs.add(jobId, { operation: 'update-agent', url, ...vendor.release(version, served), ...change });
}
const ended = async (jobId: string) => {
  await broker.until(() => !['QUEUED', 'IN_PROGRESS'].includes(jobs.find(jobId).status));
  return jobs.find(jobId);
};

describe('an update', () => {
  it('runs the new release once it is well, kill -9 included, and from then on', async () => {
    release('0.2.0');
    order('job', '0.2.0');
    board.switchOn();
    await broker.until(() => jobs.find('job').statusDetails['step'] === 'starting');
    await broker.until(({ received }) => bootsOf(received).includes('0.2.0'));
    await board.kill();
    expect(await ended('job')).toMatchObject({ status: 'SUCCEEDED', statusDetails: { version: '0.2.0' } });
    expect(await board.version()).toBe('0.2.0');
    expect(board.exits[0]).toBe(restartCode);
    await board.kill();
    await broker.until(
      ({ received }) => bootsOf(received).filter((version) => version === '0.2.0').length === 3,
    );
    order('again', '0.2.0');
    expect(await ended('again')).toMatchObject({ status: 'SUCCEEDED' });
    release('0.1.5');
    order('older', '0.1.5');
    expect(await ended('older')).toMatchObject({ status: 'REJECTED', statusDetails: { code: 'not_newer' } });
  });

  it.each([
    ['does not start', 'process.exit(70);'],
    ['refuses its settings, after which systemd starts nothing again', 'process.exit(2);'],
    ['throws', 'throw new Error("a release of no use");'],
  ])('to a release that %s ends on the former one', async (_, defect) => {
    release('0.3.0', defect);
    order('job', '0.3.0');
    board.switchOn();
    expect(await ended('job')).toMatchObject({ status: 'FAILED', statusDetails: { code: 'rolled_back' } });
    expect(board.exits).toEqual([restartCode, restartCode, restartCode, restartCode]);
    expect(await board.version()).toMatch(/^0\.1\./);
  });

  it.each([
    ['whose bytes are others', { sha256: 'ab'.repeat(32) }, 'REJECTED', 'signature_wrong'],
    ['of another version than was signed', { version: '9.9.9' }, 'REJECTED', 'signature_wrong'],
    ['that another has signed', undefined, 'REJECTED', 'signature_wrong'],
    ['that the server has replaced', {}, 'FAILED', 'download_failed'],
  ])('%s is not begun', async (what, change, status, code) => {
    release('0.4.0');
    order('job', '0.4.0', change ?? new Vendor().release('0.4.0', served));
    if (what.includes('replaced')) served = Buffer.from(served.toString().replace('node', 'evil'));
    board.switchOn();
    expect(await ended('job')).toMatchObject({ status, statusDetails: { code } });
    expect(board.exits).toEqual([]);
    expect(await board.version()).toMatch(/^0\.1\./);
  });
});

/** The agents' versions that said that they booted, in order. */
function bootsOf(received: readonly { topic: string; payload: string }[]): string[] {
  return received
    .filter(({ topic }) => topic === `aovis/${testThing}/event`)
    .map(({ payload }) => JSON.parse(payload) as { type: string; data: { agent_version?: string } })
    .filter(({ type }) => type === 'boot')
    .map(({ data }) => data.agent_version ?? '');
}
