import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { boardEventSchema } from '@aovis/contracts/events';
import { reportedStateSchema } from '@aovis/contracts/shadow';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { filesLeftIn, spawnWithCores } from '../../test-support/crash-with-cores.ts';
import { agentFilters, agentTopics } from './iot/agent-topics.ts';
import { answerShadowRequests } from './iot/testing/answer-shadow-requests.ts';
import { TestBroker } from './iot/testing/test-broker.ts';
import { type AgentStatus, agentStatusSchema } from './status/agent-status.ts';
import { temporaryDirectory } from './testing/temporary-directory.ts';
import { testThing, writeBundle } from './testing/test-bundle.ts';
import { TestCa } from './testing/test-pki.ts';
import { until } from './testing/until.ts';

/** The bundled agent as a board runs it, on the Node named by AOVIS_BOARD_NODE (a board may have 20), against a real broker. */
const node = process.env.AOVIS_BOARD_NODE ?? process.execPath;
const program = join(import.meta.dirname, '../dist/test/aovis-agent.cjs');
const run = promisify(execFile);

interface Exit {
  code: number | null;
  stdout: string;
  stderr: string;
}

let ca: TestCa;
let bundle: string;
let state: string;
let broker: TestBroker;
let credentials: Server;
/** What the credential provider says of the time, if not what is right. */
let credentialDate: Date | undefined;
const agents: ChildProcess[] = [];

const minute = 60_000;
const day = 86_400_000;

/** An agent that stops gives its last fragment up to 8 s. */
jest.setTimeout(30_000);

beforeAll(async () => {
  await run(process.execPath, [join(import.meta.dirname, '../build.ts'), join(program, '..')]);
});

beforeEach(async () => {
  credentialDate = undefined;
  ca = await TestCa.create();
  broker = await TestBroker.start(ca);
  answerShadowRequests(broker);
  credentials = await startCredentialServer();
  const directory = await temporaryDirectory();
  bundle = join(directory, 'bundle');
  state = join(directory, 'state');
  const port = (credentials.address() as AddressInfo).port;
  await writeBundle(bundle, ca, {
    iot: `localhost:${broker.port}`,
    credentials: `localhost:${port}`,
    kinesis_video: `https://localhost:${port}`,
  });
});

afterEach(async () => {
  for (const agent of agents.splice(0)) {
    if (agent.exitCode !== null || agent.signalCode !== null) continue;
    agent.kill('SIGKILL');
    await once(agent, 'exit');
  }
  await broker.kill();
  credentials.closeAllConnections();
  await new Promise((resolve) => credentials.close(resolve));
});

/** Refuses all requests: what this test looks at does not need video. */
async function startCredentialServer(): Promise<Server> {
  const { certificate, privateKey } = await ca.issueServer();
  const server = createServer({ cert: certificate, key: privateKey }, (_request, response) => {
    if (credentialDate !== undefined) response.setHeader('date', credentialDate.toUTCString());
    response.writeHead(404).end('{"message":"Role alias does not exist"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function startAgent(...flags: string[]): ChildProcess {
  const agent = spawn(node, [program, 'run', '--bundle', bundle, '--state', state, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
  });
  agents.push(agent);
  return agent;
}

async function exitOf(agent: ChildProcess): Promise<Exit> {
  let stderr = '';
  agent.stderr?.on('data', (chunk) => {
    stderr += String(chunk);
  });
  await once(agent, 'close');
  return { code: agent.exitCode, stdout: '', stderr };
}

async function aovisAgent(...args: string[]): Promise<Exit> {
  const done = run(node, [program, ...args], { env: {} });
  return done.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Exit) => error,
  );
}

const bootReceived = (count: number): Promise<void> =>
  broker.until(({ received }) => received.filter(isBoot).length === count);
const isBoot = ({ topic, payload }: { topic: string; payload: string }): boolean =>
  topic === `aovis/${testThing}/event` && JSON.parse(payload).type === 'boot';

async function status(): Promise<AgentStatus> {
  return agentStatusSchema.parse(JSON.parse((await aovisAgent('status', '--state', state, '--json')).stdout));
}

describe('the running agent', () => {
  it('connects, says that it booted, reports its state, shows its status and stops in order', async () => {
    const agent = startAgent();
    const exit = exitOf(agent);
    await bootReceived(1);
    const shadowUpdate = `$aws/things/${testThing}/shadow/update`;
    await broker.until(({ received }) => received.some(({ topic }) => topic === shadowUpdate));

    const events = broker.received.filter(({ topic }) => topic === `aovis/${testThing}/event`);
    expect(events.map(({ payload }) => boardEventSchema.parse(JSON.parse(payload)).seq)).toEqual([
      ...events.keys(),
    ]);
    // The IoT policy of boards is held against these lists.
    const filters = agentFilters(testThing);
    expect([...new Set(broker.subscribed.flat())].sort()).toEqual(filters.sort());
    const published = broker.received.filter(({ topic }) => !filters.includes(topic));
    expect(agentTopics(testThing, 'any')).toEqual(
      expect.arrayContaining([...new Set(published.map(({ topic }) => topic))]),
    );
    const update = broker.received.find(({ topic }) => topic === shadowUpdate);
    const { reported } = JSON.parse(update?.payload ?? '').state;
    expect(reportedStateSchema.parse(reported).board.model).toBe('n4k');
    expect(JSON.stringify(reported)).not.toContain(testThing);

    expect(await status()).toMatchObject({
      pid: agent.pid,
      device_id: testThing,
      connection: { state: 'connected' },
    });
    const screen = await aovisAgent('status', '--state', state);
    expect(screen.stdout).toMatch(/^Device {6}aovis-n4k-000123/);
    expect(screen.stdout).toContain('create the role alias aovis-board');

    agent.kill('SIGTERM');
    expect(await exit).toMatchObject({ code: 0 });
    expect(broker.received.some(({ payload }) => payload === '{"online":false}')).toBe(false);
  });

  it('leaves no secret where it crashes', async () => {
    const folder = await temporaryDirectory();
    const agent = spawnWithCores(node, [program, 'run', '--bundle', bundle, '--state', state], {
      cwd: folder,
      stdio: 'ignore',
      env: {
        NODE_OPTIONS: '--report-on-fatalerror',
        AOVIS_AGENT_SOURCE: 'rtsp://viewer:canary@127.0.0.1:1/',
      },
    });
    agents.push(agent);
    await bootReceived(1);
    agent.kill('SIGSEGV');
    expect(await once(agent, 'exit')).toEqual([null, 'SIGSEGV']);
    const left = await filesLeftIn(folder);
    // A core file, unless this machine has a handler for them.
    expect([...left.keys()].filter((name) => !name.startsWith('core'))).toEqual([]);
    const key = (await readFile(join(bundle, 'device.key'), 'utf8')).split('\n')[1] ?? '';
    expect(key).toHaveLength(64);
    for (const secret of [key, 'canary@'])
      expect([...left].filter(([, content]) => content.includes(secret)).map(([name]) => name)).toEqual([]);
  });

  it('starts again after kill -9, and never twice in one state directory', async () => {
    const killed = startAgent();
    await bootReceived(1);
    const second = await exitOf(startAgent());
    expect(second).toMatchObject({ code: 15, stderr: expect.stringContaining(`process ${killed.pid}`) });

    killed.kill('SIGKILL');
    await once(killed, 'exit');
    expect(await aovisAgent('status', '--state', state)).toMatchObject({ code: 17 });
    startAgent();
    await bootReceived(2);
    expect((await status()).connection.state).toBe('connected');
  });

  it('delivers an event that it took while the cloud was away and power was cut', async () => {
    const killed = startAgent();
    await bootReceived(1);
    await broker.kill();
    const told = await aovisAgent('event', 'motion', '--data', '{"zone":"door"}', '--state', state);
    expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('is stored') });
    expect(await aovisAgent('event', 'motion', '--data', 'door', '--state', state)).toMatchObject({
      code: 2,
    });
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    expect(await aovisAgent('event', 'motion', '--state', state)).toMatchObject({ code: 17 });

    await broker.listen();
    startAgent();
    await bootReceived(2);
    const events = broker.received.filter(({ topic }) => topic === `aovis/${testThing}/event`);
    const motions = events.flatMap(({ payload }) => {
      const { type, data } = boardEventSchema.parse(JSON.parse(payload));
      return type === 'motion' ? [data] : [];
    });
    expect(motions).toEqual([{ zone: 'door' }]);
  });

  it('works on when nothing can be kept on the disk, and stops in order', async () => {
    // A directory in the place of each file it keeps stands for a disk that takes nothing.
    for (const file of ['last-boot.json.new', 'reported-state.json.new'])
      await mkdir(join(state, file), { recursive: true });
    const agent = startAgent();
    const exit = exitOf(agent);
    await bootReceived(1);
    const screen = await aovisAgent('status', '--state', state);
    expect(screen.stdout).toContain('cannot be written');
    agent.kill('SIGTERM');
    expect(await exit).toMatchObject({ code: 0 });
  });

  it('stops when told to while it is still starting', async () => {
    const agent = startAgent();
    const exit = exitOf(agent);
    await once(agent, 'spawn');
    await broker.until(({ handshakes }) => handshakes.length > 0);
    agent.kill('SIGTERM');
    expect(await exit).toMatchObject({ code: 0 });
  });
});

describe('the native MQTT driver', () => {
  it('connects, delivers and stops in order', async () => {
    const agent = startAgent('--mqtt-driver', 'aws-crt');
    const exit = exitOf(agent);
    await bootReceived(1);
    expect((await status()).connection.state).toBe('connected');
    agent.kill('SIGTERM');
    expect(await exit).toMatchObject({ code: 0 });
    expect(broker.received.some(({ payload }) => payload === '{"online":false}')).toBe(false);
  });

  it('is refused where it is not installed', async () => {
    const elsewhere = join(await temporaryDirectory(), 'aovis-agent.cjs');
    await copyFile(program, elsewhere);
    const args = [elsewhere, 'run', '--bundle', bundle, '--state', state, '--mqtt-driver', 'aws-crt'];
    const result: unknown = await run(node, args, { env: {} }).catch((error: unknown) => error);
    const sentence = expect.stringContaining('npm install aws-iot-device-sdk-v2');
    expect(result).toMatchObject({ code: 2, stderr: sentence });
  });
});

describe('the doctor', () => {
  it('names the first step that fails, on the screen and as JSON', async () => {
    const flags = ['--bundle', bundle, '--state', state];
    const screen = await aovisAgent('doctor', ...flags);
    expect(screen.code).toBe(20);
    expect(screen.stdout).toMatch(/^ok {6}MQTT .* accepted as aovis-n4k-000123/m);
    expect(screen.stdout).toMatch(/^FAILED {2}credentials .*create the role alias aovis-board/m);
    expect(screen.stdout).toMatch(/^- {7}PutMedia .*not reached$/m);
    const { code, stdout } = await aovisAgent('doctor', '--json', ...flags);
    expect(code).toBe(20);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failed: 'credentials' });
  });
});

describe('logs', () => {
  it('are there while the agent runs and after it, by lines and level', async () => {
    const agent = startAgent();
    const exit = exitOf(agent);
    await bootReceived(1);
    const flags = ['logs', '--state', state];
    expect((await aovisAgent(...flags)).stdout).toMatch(/^2\S+Z INFO {2}The agent runs\. version=\S+$/m);
    const last = await aovisAgent(...flags, '--lines', '1', '--level', 'info', '--json');
    expect(last.stdout.match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(last.stdout)).toMatchObject({
      logged_at: expect.stringMatching(/^2\S+Z$/),
      message: expect.any(String),
    });
    agent.kill('SIGTERM');
    await exit;
    expect((await aovisAgent(...flags)).stdout).toMatch(/INFO {2}The agent stops\.$/m);
    expect(await aovisAgent('logs', '--state', `${state}2`)).toMatchObject({
      code: 16,
      stdout: '',
      stderr: expect.stringContaining(`No agent ever ran with ${state}2: there is no such directory.`),
    });
    expect(await aovisAgent('logs', '--state', bundle, '--json')).toMatchObject({
      code: 16,
      stderr: expect.stringContaining(`No agent ever ran with ${bundle}: nothing in it is an agent's.`),
    });
    expect(await aovisAgent(...flags, '--lines', 'all')).toMatchObject({ code: 2 });
  });
});

describe('reset', () => {
  it('asks, refuses while the agent runs, and ends it when told to', async () => {
    const agent = startAgent();
    const exit = exitOf(agent);
    await bootReceived(1);
    const flags = ['reset', '--state', state];
    const asked = await aovisAgent(...flags);
    expect(asked).toMatchObject({ code: 21, stdout: expect.stringContaining('aovis-agent reset --yes') });
    expect(await aovisAgent(...flags, '--yes')).toMatchObject({
      code: 15,
      stderr: expect.stringContaining(`process ${agent.pid}`),
    });
    expect((await status()).connection.state).toBe('connected');

    expect(await aovisAgent(...flags, '--yes', '--stop-agent')).toMatchObject({ code: 0 });
    expect(await exit).toMatchObject({ code: 0 });
    expect((await readdir(state)).sort()).toEqual(['last-boot.json']);
    startAgent();
    await bootReceived(2);
  });
});

describe('refusals', () => {
  it.each([
    ['an unknown setting', { AOVIS_AGENT_BUNDEL: '/x' }, [], 2, 'AOVIS_AGENT_BUNDEL'],
    ['a bundle that is not there', {}, ['--bundle', '/nowhere'], 10, 'There is no bundle at /nowhere'],
    ['a state directory that cannot be made', {}, ['--state', '/dev/null/x'], 16, '--state DIR'],
    ['one below a directory of the kernel’s', {}, ['--state', '/proc/x/state'], 16, '--state DIR'],
  ])('%s', async (_name, env, flags, code, sentence) => {
    const args = [program, 'run', '--bundle', bundle, '--state', state, ...flags];
    const result: unknown = await run(node, args, { env }).catch((error: unknown) => error);
    expect(result).toMatchObject({ code, stderr: expect.stringContaining(sentence) });
  });

  it('a loose bundle', async () => {
    await chmod(bundle, 0o755);
    expect(await exitOf(startAgent())).toMatchObject({
      code: 11,
      stderr: expect.stringContaining('chmod 700'),
    });
  });

  it('a certificate from the future, by which the clock must be behind', async () => {
    const later = {
      commonName: testThing,
      notBefore: new Date(Date.now() + day),
      notAfter: new Date(Date.now() + 2 * day),
    };
    await writeBundle(bundle, ca, undefined, later);
    expect(await exitOf(startAgent())).toMatchObject({
      code: 14,
      stderr: expect.stringContaining('the clock is behind'),
    });
  });

  it('a clock that is behind, with what the cloud says of it', async () => {
    const port = (credentials.address() as AddressInfo).port;
    const endpoints = { iot: `localhost:${broker.port}`, credentials: `localhost:${port}` };
    await writeBundle(bundle, ca, endpoints, {
      commonName: testThing,
      notBefore: new Date(Date.now() + 8 * minute),
    });
    credentialDate = new Date(Date.now() + 10.5 * minute);
    expect(await exitOf(startAgent())).toMatchObject({
      code: 14,
      stderr: expect.stringMatching(
        /localhost:\d+ says that it is .* behind\. Set it: sudo aovis-agent clock --set/,
      ),
    });
    const clock = await aovisAgent('clock', '--bundle', bundle, '--state', state);
    expect(clock).toMatchObject({ code: 14, stdout: expect.stringContaining('the clock is 10 min ') });
    // Instead of a program that sets the clock of this machine.
    const set = ['clock', '--set', '--bundle', bundle, '--state', state, '--clock-command', 'true'];
    expect(await aovisAgent(...set)).toMatchObject({
      code: 14,
      stderr: expect.stringContaining('ended well, but the clock did not move'),
    });
  });

  it('nothing when it is told to stop while it asks for the time', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => {}).resume());
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const endpoints = {
      iot: 'localhost:1',
      credentials: `localhost:${(silent.address() as AddressInfo).port}`,
    };
    await writeBundle(bundle, ca, endpoints, {
      commonName: testThing,
      notBefore: new Date(Date.now() + day),
    });
    const agent = startAgent();
    const exit = exitOf(agent);
    await once(silent, 'connection');
    agent.kill('SIGTERM');
    expect(await exit).toMatchObject({ code: 0, stderr: '' });
    await new Promise((resolve) => silent.close(resolve));
  });

  it('nothing when it is told to stop while systemd does not answer', async () => {
    const programs = await temporaryDirectory();
    const said = join(programs, 'said');
    // Hangs for as long as the agent lives.
    const hang = `case "$*" in *READY*) : >'${said}'; while kill -0 $PPID; do sleep 0.1; done ;; esac`;
    await writeFile(join(programs, 'systemd-notify'), `#!/bin/sh\n${hang}\n`, { mode: 0o755 });
    const agent = spawn(node, [program, 'run', '--bundle', bundle, '--state', state], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { NOTIFY_SOCKET: '/nowhere', PATH: `${programs}:/usr/bin:/bin` },
    });
    agents.push(agent);
    const exit = exitOf(agent);
    await until(() => existsSync(said));
    agent.kill('SIGTERM');
    expect(await exit).toMatchObject({ code: 0 });
  });

  it('no command, a wrong one, help', async () => {
    expect(await aovisAgent('dance')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('unknown command'),
    });
    expect(await aovisAgent('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('status') });
    expect(await aovisAgent('run', '--help')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('AOVIS_AGENT_'),
    });
  });
});

afterAll(async () => {
  await rm(join(program, '..'), { recursive: true });
});
