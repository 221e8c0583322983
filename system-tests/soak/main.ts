import { parseArgs } from 'node:util';
import { type MqttDriver, mqttDrivers } from '@aovis/device-agent/iot/mqtt-link';
import { seedOfThisRun } from '../support/random.ts';
import { type SoakResult, soak } from './soak.ts';

/** What a run without a leak may slope by, MiB an hour: buffers and V8's heap breathe. */
const flatMibPerHour = 6;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    drivers: { type: 'string', default: mqttDrivers.join() },
    logs: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const drivers = values.drivers.split(',').map((name): MqttDriver => {
  const driver = mqttDrivers.find((known) => known === name);
  if (driver === undefined)
    throw new Error(`There is no driver ${name}; there are ${mqttDrivers.join(', ')}.`);
  return driver;
});
if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is no number of minutes.`);

const seed = seedOfThisRun();
const startedAt = performance.now();
const clock = (): string => `${((performance.now() - startedAt) / 60_000).toFixed(1)} min`.padStart(9);
say(`soak of ${minutes} minutes, drivers ${drivers.join(', ')}, AOVIS_SEED=${seed}`);
const { logs } = values;
const result = await soak({
  minutes,
  drivers,
  seed,
  logs,
  log: (line) => say(`${clock()}  ${line}`),
});
process.exitCode = report(result) ? 0 : 1;

/** Prints what came of it; false when a promise was broken or memory grew. */
function report({ boards, troubles }: SoakResult): boolean {
  say('\ntroubles');
  for (const [name, count] of [...troubles].toSorted(([, a], [, b]) => b - a))
    say(`${String(count).padStart(5)}  ${name}`);
  let held = true;
  for (const { driver, memory, broken, ...found } of boards) {
    const { middle, last } = memory.levels;
    const flat = memory.slope <= flatMibPerHour;
    held &&= flat && broken.length === 0;
    say(`\n${driver}`);
    say(`  ${found.promised} events promised, ${found.events} in the backend (the agent's own among them)`);
    say(`  ${found.telemetryBatches} batches of telemetry, ${found.fragments} fragments`);
    say(`  slowest event ${found.slowestEventSeconds.toFixed(1)} s`);
    say(`  RSS ${memory.draw()} peak ${memory.peak.toFixed(1)} MiB`);
    say(
      `  RSS median ${middle.toFixed(1)} MiB in the middle third, ${last.toFixed(1)} in the last; ${memory.slope.toFixed(1)} MiB an hour over both: ${flat ? 'flat' : 'IT GROWS'}`,
    );
    say(broken.length === 0 ? '  every promise kept' : `  BROKEN: ${broken.join('; ')}`);
  }
  return held;
}
