import { availableParallelism } from 'node:os';
import { Client } from 'pg';
import { type Benchmark, type BenchmarkContext, type Figure, median } from './benchmark.ts';
import { startBenchDatabase } from './http/bench-database.ts';
import { type Customer, seedCustomers } from './http/fixture.ts';
import { load } from './http/load.ts';
import { MeasuredServer } from './http/measured-server.ts';
import { readDevice, sendTelemetry } from './p4-hot-paths.ts';

const instanceCount = 4;
/** Four instances on four cores of their own would do four times the work of one; three times is asked for. */
const bar = 3 / instanceCount;

async function run({ short, directory, log }: BenchmarkContext): Promise<Figure[]> {
  const database = await startBenchDatabase(directory);
  const servers: MeasuredServer[] = [];
  try {
    const customers = await seedCustomers(database.url, 1_000);
    for (let number = 0; number < instanceCount; number++)
      servers.push(await MeasuredServer.start('our-server.ts', database.url));
    const figures = await measureReads(servers, customers, { short, log });
    return [...figures, await raceWrites(servers, customers, { databaseUrl: database.url, short, log })];
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await database.stop();
  }
}

interface Run {
  short: boolean;
  log: (line: string) => void;
}

/**
 * Instances, database and load share the machine's cores, so requests a second alone would measure how many cores there
 * are. What scaling costs shows in the CPU time a request takes: were the instances in each other's way, it would grow.
 */
async function measureReads(
  servers: readonly MeasuredServer[],
  customers: readonly Customer[],
  { short, log }: Run,
): Promise<Figure[]> {
  const seconds = short ? 1 : 8;
  const rounds = short ? 1 : 5;
  const requests = readDevice(customers.slice(0, 100));
  const measured = {
    one: { rate: [] as number[], cpu: [] as number[] },
    all: { rate: [] as number[], cpu: [] as number[] },
  };
  for (let round = 0; round <= rounds; round++) {
    for (const [name, used] of [
      ['one', servers.slice(0, 1)],
      ['all', servers],
    ] as const) {
      const before = await cpuMsOf(used);
      const { requestsPerSecond, answered, failures } = await load(
        used.map(({ url }) => url),
        requests,
        { seconds },
      );
      if (failures > 0) throw new Error(`${failures} reads failed at ${name}`);
      if (round === 0 && !short) continue;
      measured[name].rate.push(requestsPerSecond);
      measured[name].cpu.push((1_000 * ((await cpuMsOf(used)) - before)) / answered);
    }
    log(`reads: round ${round} of ${rounds}`);
  }
  const [one, all] = [measured.one, measured.all];
  const efficiency = median(one.cpu) / median(all.cpu);
  return [
    {
      name: `GET /api/devices/{id}, ${instanceCount} instances`,
      value: median(all.rate),
      unit: 'requests/s',
      against: { name: 'one instance', value: median(one.rate) },
      ratio: median(all.rate) / median(one.rate),
    },
    {
      name: `CPU of a read, ${instanceCount} instances on ${availableParallelism()} cores`,
      value: median(all.cpu),
      unit: 'µs',
      against: { name: 'one instance', value: median(one.cpu) },
      ratio: efficiency,
      bar: { text: `≥ ${bar} of linear`, met: efficiency >= bar },
    },
  ];
}

async function cpuMsOf(servers: readonly MeasuredServer[]): Promise<number> {
  const used = await Promise.all(servers.map((server) => server.cpuMs()));
  return used.reduce((sum, ms) => sum + ms, 0);
}

/** Every message goes to all instances at the same time; each must be stored once. */
async function raceWrites(
  servers: readonly MeasuredServer[],
  customers: readonly Customer[],
  { databaseUrl, short, log }: Run & { databaseUrl: string },
): Promise<Figure> {
  const messages = short ? 50 : 2_000;
  const make = sendTelemetry(customers);
  let stored = 0;
  for (let message = 0; message < messages; message++) {
    const { path, headers, body } = make();
    const answers = await Promise.all(
      servers.map(async ({ url }) => {
        const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: body ?? null });
        return (await response.json()) as { received: boolean; duplicate: boolean };
      }),
    );
    if (answers.filter(({ received, duplicate }) => received && !duplicate).length === 1) stored += 1;
  }
  log(`writes: ${messages} messages, each to ${servers.length} instances at once`);
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query(
    'SELECT count(DISTINCT event_id)::int AS batches, count(*)::int AS samples FROM device_telemetry',
  );
  await client.end();
  const exact = stored === messages && rows[0].batches === messages && rows[0].samples === 3 * messages;
  return {
    name: `${messages} messages, each to ${servers.length} instances at once`,
    value: stored,
    unit: 'stored exactly once',
    bar: { text: 'all of them', met: exact },
  };
}

export const instances: Benchmark = {
  id: 'p5',
  what: 'four instances of the backend on one database, against one',
  run,
};
