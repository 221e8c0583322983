import { readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { dataOf } from '@aovis/api-client/api-error';
import { createApiClient } from '@aovis/api-client/client';
import { type Endpoints, readEndpoints } from '@aovis/simulator/endpoints';
import { waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CloudClients } from './support/cloud-clients.ts';
import { descendants, type RunningProcess, stillRunning } from './support/processes.ts';
import { temporaryFolder } from './support/running-system.ts';
import { SimulatorProcess } from './support/simulator-process.ts';

const goneWithinMs = 15_000;
const readyText = 'Running. Ctrl-C stops everything.';

describe('npm start', () => {
  const root = temporaryFolder();
  const directory = join(root, 'system');
  const inFolder = ['--directory', directory];
  const endpointsFile = join(root, 'endpoints.json');
  const starts: SimulatorProcess[] = [];
  let running: SimulatorProcess;
  let firstEndpoints: Endpoints;
  let firstGuide: string;

  function start(): SimulatorProcess {
    const process = new SimulatorProcess(['start', ...inFolder]);
    starts.push(process);
    return process;
  }

  /** Resolves with those of the processes that are still there after a while; as soon as all are gone, with none. */
  async function survivors(processes: RunningProcess[]): Promise<RunningProcess[]> {
    const deadline = performance.now() + goneWithinMs;
    return waitFor('The end of all programs', async () => {
      const left = await stillRunning(processes);
      return left.length === 0 || performance.now() > deadline ? left : undefined;
    });
  }

  beforeAll(async () => {
    running = start();
    await running.printed(readyText);
    firstEndpoints = readEndpoints(endpointsFile);
    firstGuide = guideOf(running);
  });

  afterAll(async () => {
    for (const process of starts) await process.end();
    rmSync(root, { recursive: true, force: true });
  });

  it('tells where to look, and what stands there answers', async () => {
    for (const url of firstGuide.match(/http:\/\/\S+/g) ?? []) expect((await fetch(url)).status).toBe(200);
    expect(firstGuide.match(/aovis-n4k-\d{6} {3}\S+/g)).toHaveLength(3);
    expect(firstGuide).toContain('switched on, streaming');
  });

  it('has a board that streams', async () => {
    await untilStreams(firstEndpoints);
  });

  it('has a shop that sells, and a carrier that knows the cards of the boards', async () => {
    const { backendUrl = '', iot } = firstEndpoints;
    const shop = createApiClient({ baseUrl: backendUrl });
    expect(dataOf(await shop.GET('/api/store/products')).products).toHaveLength(1);
    expect(dataOf(await shop.GET('/api/data-plans')).plans).toHaveLength(1);
    const cards = await fetch(`${iot.adminUrl}/_local/eiotclub/cards`);
    expect(await cards.json()).toMatchObject({ cards: Array.from({ length: 3 }, () => expect.anything()) });
  });

  it('gives its board each kind of job, and the board does it', async () => {
    for (const [operation, ...words] of [
      ['reboot'],
      ['upload-logs'],
      ['rotate-certificate'],
      ['update-agent', '9.0.0'],
    ]) {
      const job = new SimulatorProcess(['job', 'N4K-000001', operation ?? '', ...words, ...inFolder]);
      expect([operation, await job.exited]).toEqual([operation, { code: 0, signal: null }]);
      expect(job.stdout).toContain('{"status":"SUCCEEDED"');
    }
    const log = readFileSync(join(directory, 'sent-logs', 'aovis-n4k-000001.log'), 'utf8');
    expect(log).toContain('The machine reboots by a job.');
    const list = new SimulatorProcess(['job', 'list', ...inFolder]);
    await list.exited;
    expect(list.stdout.match(/aovis-n4k-000001 {2}[a-z-]+ +SUCCEEDED/g)).toHaveLength(4);
  });

  it('is refused a second time, with a sentence, and the first goes on', async () => {
    const second = start();
    expect((await second.exited).code).toBe(1);
    expect(second.stderr.trim()).toBe(
      `The local system in this folder is running already (process ${running.pid}). Use it, or stop it with Ctrl-C in its terminal.`,
    );
    expect((await fetch(`${firstEndpoints.backendUrl}/health`)).status).toBe(200);
  });

  it('leaves nothing running when it is killed', async () => {
    const programs = await descendants(running.pid);
    expect(programs.length).toBeGreaterThanOrEqual(4);
    running.signal('SIGKILL');
    await running.exited;
    expect(await survivors(programs)).toEqual([]);
  });

  it('refuses with a sentence while another program has a port of its', async () => {
    const port = Number(new URL(firstEndpoints.backendUrl ?? '').port);
    const thief = await listenOn(port);
    const refused = start();
    const { code } = await refused.exited;
    await new Promise((resolve) => thief.close(resolve));
    expect(code).toBe(1);
    expect(refused.stderr).toContain(
      `Port ${port}, which backend of this system uses, is taken by another program.`,
    );
  });

  it('comes up again with the same boards, labels and addresses', async () => {
    running = start();
    await running.printed(readyText);
    const { databaseUrl: _, ...endpoints } = readEndpoints(endpointsFile);
    const { databaseUrl: __, ...before } = firstEndpoints;
    expect(endpoints).toEqual(before);
    expect(guideOf(running)).toBe(firstGuide);
    await untilStreams(readEndpoints(endpointsFile));
  });

  it('stops everything at Ctrl-C', async () => {
    const programs = await descendants(running.pid);
    running.signal('SIGINT');
    expect((await running.exited).code).toBe(0);
    expect(await stillRunning(programs)).toEqual([]);
    expect(() => readEndpoints(endpointsFile)).toThrow('is not running. Start it with «npm start»');
  });
});

const guideOf = ({ stdout }: SimulatorProcess): string => stdout.slice(stdout.indexOf(readyText));

/** Until the first sample board has stored a fragment that begins after now. */
async function untilStreams(endpoints: Endpoints): Promise<void> {
  const since = Date.now();
  const cloud = new CloudClients(endpoints);
  try {
    await waitFor('A fragment', async () => {
      const fragments = await cloud.fragments('aovis-stream-aovis-n4k-000001');
      return fragments.some(({ startMs }) => startMs > since) ? true : undefined;
    });
  } finally {
    cloud.close();
  }
}

function listenOn(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server));
  });
}
