import { rmSync } from 'node:fs';
import { findChromium } from '@aovis/simulator/player';
import { waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { descendants, type RunningProcess, stillRunning } from './support/processes.ts';
import { temporaryFolder } from './support/running-system.ts';
import { SimulatorProcess } from './support/simulator-process.ts';

/** What `npm run demo` promises to do, in this order; there may be more in between. */
const promises = [
  /PostgreSQL/,
  /schema migrated/,
  /local-cloud/,
  /backend/,
  /policy, role/,
  /CA and station key/,
  /batch run: 3 boards/,
  /batch verify/,
  /mTLS, shadow, credentials, PutMedia: fragment PERSISTED/,
  /signs in by magic link/,
  /activates the board with the code on its label/,
  /shown online/,
  /GET \/api\/devices\/\{id\}\/stream/,
  /video played/,
  /POST \/api\/devices\/\{id\}\/webrtc/,
  /404 device_not_found/,
  /403 invalid_activation_code/,
  /403 device_owned_by_another_user/,
  /the second is a duplicate/,
  /the audit chain verifies/,
];

const browser = findChromium();
const machines = [
  {
    machine: 'a machine without a browser',
    chromium: '',
    means: [/an MP4 parser read [1-9]\d* frames of/],
  },
  ...(browser === undefined
    ? []
    : [
        {
          machine: 'a machine with Chromium',
          chromium: browser,
          means: [
            /hls\.js in Chromium showed \d{2,} frames of/,
            /first frame after \d+ ms, \d{2,} of 1280×720/,
          ],
        },
      ]),
];

describe.each(machines)('npm run demo on $machine', ({ chromium, means }) => {
  const directory = temporaryFolder();
  let demo: SimulatorProcess;
  const programs = new Map<number, RunningProcess>();

  beforeAll(async () => {
    demo = new SimulatorProcess(['demo', '--directory', directory], { AOVIS_CHROMIUM: chromium });
    await waitFor('The end of the demo', async () => {
      for (const program of await descendants(demo.pid)) programs.set(program.pid, program);
      return demo.running ? undefined : true;
    });
  });

  afterAll(async () => {
    await demo.end();
    rmSync(directory, { recursive: true, force: true });
  });

  it('exits 0 without a complaint', async () => {
    expect({ ...(await demo.exited), stderr: demo.stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  });

  it('prints every step with its time, in order, and none that failed', () => {
    const steps = [...demo.stdout.matchAll(/^ {2}(\S) (.*\S) +\d+\.\d s/gm)];
    expect(steps.map(([, mark]) => mark)).toEqual(steps.map(() => '✓'));
    const titles = steps.map(([, , title = '']) => title);
    const kept = promises.map((promise) => titles.findIndex((title) => promise.test(title)));
    expect(kept).not.toContain(-1);
    expect(kept).toEqual(kept.toSorted((a, b) => a - b));
  });

  it('shows the picture', () => {
    for (const shown of means) expect(demo.stdout).toMatch(shown);
    expect(demo.stdout).toContain(`Logs and state are in ${directory}.`);
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
