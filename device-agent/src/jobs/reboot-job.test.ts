import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { Program } from '../commands/run-program.ts';
import { createLogger } from '../host/logger.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { rebootJob } from './reboot-job.ts';
import { JobStand } from './testing/job-stand.ts';

const document = { operation: 'reboot' };
const logger = createLogger({ level: 'silent' });

interface Machine {
  program: Program;
  /** How often it was told to reboot. */
  readonly reboots: () => Promise<number>;
}

async function machine(directory: string): Promise<Machine> {
  const file = join(directory, 'reboots');
  await writeFile(file, '');
  return {
    program: [process.execPath, '-e', 'require("fs").appendFileSync(process.argv[1], "x")', file],
    reboots: async () => (await readFile(file, 'utf8')).length,
  };
}

async function lives(boots: (string | undefined)[]) {
  const directory = await temporaryDirectory();
  const { program, reboots } = await machine(directory);
  let service: JobStand['service'] | undefined;
  const begin = async () => {
    const clock = new FakeClock();
    const handlers = { reboot: rebootJob({ clock, logger, program, machineBootId: boots.shift() }) };
    const stand = new JobStand(directory, handlers, { clock, ...(service === undefined ? {} : { service }) });
    service ??= stand.service;
    return stand;
  };
  return { begin, reboots };
}

it.each([
  ['by the machine’s boot id', ['boot-1', 'boot-2']],
  ['by the agent’s restart where machines have none', [undefined, undefined]],
])('reboots once, and knows %s that it did', async (_, boots) => {
  const { begin, reboots } = await lives([...boots]);
  const first = await begin();
  first.service.add('job', document);
  await first.start();
  await until(() => first.clock.pending.includes(120_000));
  await first.stop();
  expect(first.service.find('job')).toMatchObject({ status: 'IN_PROGRESS', stepTimeoutInMinutes: 30 });
  const second = await (await begin()).start();
  await second.untilStatus('job', 'SUCCEEDED');
  await second.stop();
  expect(await reboots()).toBe(1);
});

it('asks again when only the agent ended, but not for ever', async () => {
  const { begin, reboots } = await lives(['boot-1', 'boot-1', 'boot-1']);
  const first = await begin();
  first.service.add('job', document);
  await first.start();
  await until(() => first.clock.pending.includes(120_000));
  await first.stop();
  const second = await (await begin()).start();
  await until(() => second.clock.pending.includes(120_000));
  await second.stop();
  const third = await (await begin()).start();
  expect(await third.untilStatus('job', 'FAILED')).toMatchObject({
    statusDetails: { code: 'not_restarted' },
  });
  await third.stop();
  expect(await reboots()).toBe(2);
});

it('fails when the machine stays up, or the program does not run', async () => {
  const { begin } = await lives(['boot-1']);
  const stand = await begin();
  stand.service.add('job', document);
  await stand.start();
  await until(() => stand.clock.pending.includes(120_000));
  await stand.clock.advance(120_000);
  expect(await stand.untilStatus('job', 'FAILED')).toMatchObject({
    statusDetails: { code: 'not_restarted' },
  });
  await stand.stop();

  const clock = new FakeClock();
  const reboot = rebootJob({ clock, logger, program: ['/nonexistent/reboot'], machineBootId: 'boot-1' });
  const broken = new JobStand(await temporaryDirectory(), { reboot }, { clock });
  broken.service.add('job', document);
  await broken.start();
  expect(await broken.untilStatus('job', 'FAILED')).toMatchObject({
    statusDetails: { code: 'program_failed' },
  });
  await broken.stop();
});
