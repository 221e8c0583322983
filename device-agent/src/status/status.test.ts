import { link, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { duration } from '../host/duration.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { type AgentStatus, agentStatusSchema } from './agent-status.ts';
import { renderStatus } from './render-status.ts';
import { readStatus } from './status-client.ts';
import { StatusServer } from './status-server.ts';

const never = new AbortController().signal;
const now = Date.UTC(2026, 10, 20, 12);

const status: AgentStatus = {
  running: true,
  pid: 4711,
  version: '0.1.0',
  device_id: 'aovis-n4k-000123',
  serial: 'N4K-000123',
  uptime_s: 93_784,
  connection: {
    state: 'waiting',
    endpoint: 'iot.example',
    detail: 'The name iot.example cannot be resolved.',
  },
  certificate: { id: 'ab', expires_at: '2036-11-17T00:00:00.000Z', days_left: 3_650 },
  shadow: { version: 12, config_version: 3, config_errors: { 'camera.fps': 'too many' } },
  binding: { claimable: false, owned: true, epoch: 1, detail: 'owned (epoch 1)' },
  camera: { detail: 'clip: last picture 12 ms ago.' },
  stream: {
    state: 'streaming',
    bitrate_bps: 1_234_567,
    last_persisted_at: new Date(now - 2_000).toISOString(),
    dropped_fragments: 1,
    detail: 'Fragments are stored as they come.',
  },
  buffer: {
    fragments: 2,
    fragment_bytes: 204_800,
    messages: 3,
    message_bytes: 1_024,
    messages_on: 'disk',
    dropped_events: 0,
    dropped_telemetry: 7,
  },
  parts: [{ name: 'iot', ok: false, detail: 'x' }],
  problems: [
    {
      part: 'iot',
      level: 'warn',
      sentence: 'The uplink is down.',
      last_at: new Date(now - 60_000).toISOString(),
      count: 4,
    },
  ],
};

let directory: string;
const servers: StatusServer[] = [];

beforeEach(async () => {
  directory = await temporaryDirectory();
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function startServer(): Promise<StatusServer> {
  const server = new StatusServer({ directory, status: () => status });
  servers.push(server);
  await server.start(never);
  return server;
}

describe('the socket', () => {
  it('answers with the status, as often as asked', async () => {
    await startServer();
    expect(agentStatusSchema.parse(await readStatus(directory))).toEqual(status);
    expect(await readStatus(directory)).toEqual(status);
  });

  it('is the lock of the state directory, and names who holds it', async () => {
    await startServer();
    await expect(startServer()).rejects.toMatchObject({
      code: 'stateInUse',
      exitCode: 15,
      message: expect.stringContaining('process 4711'),
    });
  });

  it('goes to one only of many that start at once over what a killed agent left', async () => {
    const left = createServer();
    await new Promise<void>((resolve) => left.listen(join(directory, 'other.sock'), resolve));
    await link(join(directory, 'other.sock'), join(directory, 'agent.sock'));
    await new Promise((resolve) => left.close(resolve));
    const starts = await Promise.allSettled(Array.from({ length: 8 }, startServer));
    expect(starts.filter((start) => start.status === 'fulfilled')).toHaveLength(1);
    expect(await readStatus(directory)).toEqual(status);
    expect(await readdir(directory)).toEqual(['agent.sock']);
  });

  it('is free again after a stop', async () => {
    await (await startServer()).stop();
    expect(await readStatus(directory)).toBeUndefined();
    await startServer();
  });

  it('tells that nobody answers, with and without a directory', async () => {
    expect(await readStatus(directory)).toBeUndefined();
    expect(await readStatus(join(directory, 'nowhere'))).toBeUndefined();
  });

  it('takes over what is left of something that was not a socket of a living agent', async () => {
    await writeFile(join(directory, 'agent.sock'), '');
    await startServer();
    expect(await readStatus(directory)).toEqual(status);
  });

  it('works in a directory whose path is too long for a socket', async () => {
    if (process.platform !== 'linux') return;
    directory = join(directory, 'x'.repeat(100), 'y'.repeat(100));
    await mkdir(directory, { recursive: true });
    await startServer();
    expect(await readStatus(directory)).toEqual(status);
    await expect(startServer()).rejects.toMatchObject({ code: 'stateInUse' });
  });

  it('does not take nonsense for a status', async () => {
    const server = createServer((socket) => socket.end('{"running":"perhaps"}'));
    await new Promise<void>((resolve) => server.listen(join(directory, 'agent.sock'), resolve));
    await expect(readStatus(directory)).rejects.toMatchObject({
      code: 'stateInUse',
      message: expect.stringContaining('gives no status'),
    });
    await expect(startServer()).rejects.toMatchObject({ code: 'stateInUse' });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the screen', () => {
  it('fits 25 lines and says what matters', () => {
    const screen = renderStatus(status, now);
    expect(screen.split('\n').length).toBeLessThanOrEqual(25);
    expect(screen).toBe(
      [
        'Device      aovis-n4k-000123 (serial N4K-000123)',
        'Agent       version 0.1.0, process 4711, up 1 d 2 h',
        'Connection  waiting: The name iot.example cannot be resolved.',
        'Certificate expires 2036-11-17 (3650 days left)',
        'Shadow      reported version 12, config version 3',
        '            refused camera.fps: too many',
        'Owner       owned (epoch 1)',
        'Camera      clip: last picture 12 ms ago.',
        'Stream      streaming, 1235 kb/s, last persisted 2 s ago',
        '            Fragments are stored as they come.',
        'Buffer      2 fragments (200 KiB), 1 dropped',
        'Messages    3 waiting on the disk (1 KiB), 0 events and 7 telemetry batches dropped',
        'Problems',
        '  WARN iot, 1 min ago, 4 times: The uplink is down.',
      ].join('\n'),
    );
  });

  it('counts one as one, and says nothing twice', () => {
    const screen = renderStatus(
      {
        ...status,
        connection: { state: 'connected', endpoint: 'iot.example', detail: 'connected to iot.example' },
        certificate: { ...status.certificate, days_left: 1 },
        buffer: { ...status.buffer, fragments: 1, dropped_events: 1, dropped_telemetry: 1 },
      },
      now,
    );
    expect(screen).toContain('Connection  connected to iot.example\n');
    expect(screen).toContain('(1 day left)');
    expect(screen).toContain('Buffer      1 fragment (');
    expect(screen).toContain('1 event and 1 telemetry batch dropped');
  });

  it('says what to do about a certificate that is about to expire', () => {
    const soon = { ...status, certificate: { ...status.certificate, days_left: 29 } };
    expect(renderStatus(soon, now)).toContain('(29 days left): give the board a new one');
  });

  it.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [3_600_000, '1 h'],
    [3_661_000, '1 h 1 min'],
    [-5, '0 s'],
  ])('%d ms are %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
