import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium } from '@aovis/simulator/player';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { descendants, type RunningProcess, stillRunning } from './support/processes.ts';
import { temporaryFolder } from './support/running-system.ts';
import { SimulatorProcess } from './support/simulator-process.ts';

/** What `npm run demo` promises to do, in order. */
const steps = [
  'PostgreSQL',
  'schema migrated',
  'local-cloud: AWS, sign-in, mail',
  'backend',
  'account: policy, role, thing type',
  'CA and station key made and registered',
  'aovis-provision batch run: 3 boards',
  'aovis-provision batch verify',
  'agent bundled into one file',
  'mTLS, shadow, credentials, PutMedia: fragment PERSISTED',
  'Anna signs in by magic link',
  'Anna activates the board with the code on its label',
  'the board is shown online',
  'GET /api/devices/{id}/stream',
  'video played',
  'Ben signs in',
  'Ben asks for Anna’s board: 404 device_not_found',
  'Ben tries a wrong code: 403 invalid_activation_code',
  'Ben tries Anna’s code: 403 device_owned_by_another_user',
  'a board event sent twice: the second is a duplicate',
  'the audit chain verifies',
];

const browser = findChromium();
const machines = [
  { machine: 'a machine without a browser', chromium: '', means: /an MP4 parser read [1-9]\d* frames of/ },
  ...(browser === undefined
    ? []
    : [
        {
          machine: 'a machine with Chromium',
          chromium: browser,
          means: /hls\.js in Chromium showed \d{2,} frames of/,
        },
      ]),
];

describe.each(machines)('npm run demo on $machine', ({ chromium, means }) => {
  const directory = temporaryFolder();
  let demo: SimulatorProcess;
  const programs = new Map<number, RunningProcess>();

  beforeAll(async () => {
    demo = new SimulatorProcess(['demo', '--directory', directory], { AOVIS_CHROMIUM: chromium });
    await demo.printed('fragment PERSISTED');
    for (const program of await descendants(demo.pid)) programs.set(program.pid, program);
    await demo.exited;
  });

  afterAll(async () => {
    await demo.end();
    rmSync(directory, { recursive: true, force: true });
  });

  it('exits 0 without a complaint', async () => {
    expect({ ...(await demo.exited), stderr: demo.stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  });

  it('prints every step with its time, in order', () => {
    const printed = [...demo.stdout.matchAll(/^ {2}(.) (.*?) +\d+\.\d s/gm)].map(
      ([, mark, title]) => `${mark} ${title}`,
    );
    expect(printed).toEqual(steps.map((step) => `✓ ${step}`));
  });

  it('shows the picture', () => {
    expect(demo.stdout).toMatch(means);
    expect(demo.stdout).toContain(`Logs and state are in ${join(directory)}.`);
  });

  it('leaves nothing running', async () => {
    const commands = [...programs.values()].map(({ commandLine }) => commandLine).join('\n');
    for (const program of [
      'database-process.ts',
      'local-cloud/src/main.ts',
      'backend/src/main.ts',
      'aovis-agent.cjs',
    ])
      expect(commands).toContain(program);
    expect(await stillRunning([...programs.values()])).toEqual([]);
  });
});
