import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { createLogger } from './host/logger.ts';
import { answerShadowRequests } from './iot/testing/answer-shadow-requests.ts';
import { TestBroker } from './iot/testing/test-broker.ts';
import { FragmentDisk } from './streaming/fragment-disk.ts';
import { PutMediaServer } from './streaming/testing/put-media-server.ts';
import { temporaryDirectory } from './testing/temporary-directory.ts';
import { writeBundle } from './testing/test-bundle.ts';
import { TestCa } from './testing/test-pki.ts';

/** The bundled agent, streaming; cloud and power fail. */
const node = process.env.AOVIS_BOARD_NODE ?? process.execPath;
const out = join(import.meta.dirname, '../dist/test-video');
const program = join(out, 'aovis-agent.cjs');

/** What waits goes to the disk after 5 s. */
jest.setTimeout(60_000);

let bundle: string;
let state: string;
let broker: TestBroker;
let credentials: Server;
let video: PutMediaServer;
let agent: ChildProcess;

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../build.ts'), out]);
});
afterAll(() => rm(out, { recursive: true, force: true }));

beforeEach(async () => {
  const ca = await TestCa.create();
  const { certificate: cert, privateKey: key } = await ca.issueServer();
  broker = await TestBroker.start(ca);
  answerShadowRequests(broker);
  video = new PutMediaServer({ key, cert });
  await video.start();
  credentials = createServer({ key, cert }, (_request, response) => {
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    const issued = { accessKeyId: 'A', secretAccessKey: 's', sessionToken: 't', expiration };
    response.end(JSON.stringify({ credentials: issued }));
  });
  credentials.listen(0, '127.0.0.1');
  await once(credentials, 'listening');
  const directory = await temporaryDirectory();
  bundle = join(directory, 'bundle');
  state = join(directory, 'state');
  await writeBundle(bundle, ca, {
    iot: `localhost:${broker.port}`,
    credentials: `localhost:${(credentials.address() as AddressInfo).port}`,
    kinesis_video: video.url.href,
  });
});

afterEach(async () => {
  await kill();
  await Promise.all([broker.kill(), video.stop()]);
  credentials.closeAllConnections();
  await new Promise((resolve) => credentials.close(resolve));
});

function startAgent(): void {
  agent = spawn(node, [program, 'run', '--bundle', bundle, '--state', state], { stdio: 'ignore', env: {} });
}

async function kill(): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  agent.kill('SIGKILL');
  await once(agent, 'exit');
}

const filesOf = (): Promise<string[]> => readdir(join(state, 'video')).catch((): string[] => []);

/** Looks again after each turn of the event loop; the time limit of the test ends what never comes true. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

/** Timecodes of what the next start finds. */
async function timecodesOnDisk(): Promise<number[]> {
  const disk = new FragmentDisk({
    directory: join(state, 'video'),
    maxBytes: 1e9,
    freeBytes: () => undefined,
    logger: createLogger({ level: 'silent' }),
  });
  return (await disk.open()).map(({ timecodeMs }) => timecodeMs);
}

it('keeps the video of an outage over a power cut, and sends it once the board knows whose it is', async () => {
  startAgent();
  await video.until(() => video.persisted.length > 0);
  await video.stop();
  await until(async () => (await filesOf()).filter((name) => name.endsWith('.fragment')).length >= 3);
  await kill();
  const kept = await timecodesOnDisk();
  expect(kept.length).toBeGreaterThanOrEqual(3);

  await broker.kill();
  await video.start();
  const before = video.persisted.length;
  startAgent();
  await video.until(() => video.persisted.length >= before + 2);
  expect(video.persisted.filter((timecode) => kept.includes(timecode))).toEqual([]);

  await broker.listen();
  await video.until(() => kept.every((timecode) => video.persisted.includes(timecode)));
  expect(new Set(video.persisted).size).toBe(video.persisted.length);
  await until(async () => (await filesOf()).length === 0);
});
