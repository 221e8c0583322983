import jwt from 'jsonwebtoken';
import { type Benchmark, type BenchmarkContext, type Figure, median } from './benchmark.ts';
import { startBenchDatabase } from './http/bench-database.ts';
import {
  accessTokenSecret,
  type Customer,
  publicUrl,
  seedCustomers,
  signedTelemetry,
} from './http/fixture.ts';
import { load, type OneRequest, type Requests } from './http/load.ts';
import { MeasuredServer } from './http/measured-server.ts';
import { p99AtRate } from './http/paced-load.ts';

const bar = 0.7;
const p99BarMs = 50;

async function run({ short, directory, log }: BenchmarkContext): Promise<Figure[]> {
  const database = await startBenchDatabase(directory);
  const servers: MeasuredServer[] = [];
  try {
    const customers = await seedCustomers(database.url, 1_000);
    const [ours, minimal] = [
      await MeasuredServer.start('our-server.ts', database.url),
      await MeasuredServer.start('minimal-server.ts', database.url),
    ];
    servers.push(ours, minimal);
    const figures: Figure[] = [];
    for (const [name, requests] of Object.entries({
      // Each connection of the load keeps all of them ready: a hundred are enough.
      'GET /api/devices/{id}': readDevice(customers.slice(0, 100)),
      'POST /api/internal/aws/iot-event': sendTelemetry(customers),
    }))
      figures.push(...(await compare(name, requests, { ours, minimal, short, log })));
    return figures;
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await database.stop();
  }
}

export function readDevice(customers: readonly Customer[]): Requests {
  return customers.map(({ userId, sessionId, deviceId }) => {
    const token = jwt.sign({ sid: sessionId }, accessTokenSecret, {
      algorithm: 'HS256',
      issuer: publicUrl,
      audience: 'aovis-app',
      subject: userId,
      expiresIn: 3_600,
      header: { alg: 'HS256', typ: 'at+jwt' },
    });
    return { method: 'GET', path: `/api/devices/${deviceId}`, headers: { authorization: `Bearer ${token}` } };
  });
}

export function sendTelemetry(customers: readonly Customer[]): () => OneRequest {
  let next = 0;
  return () => {
    const { deviceId } = customers[next++ % customers.length] as Customer;
    return { method: 'POST', path: '/api/internal/aws/iot-event', ...signedTelemetry(deviceId) };
  };
}

interface Contest {
  ours: MeasuredServer;
  minimal: MeasuredServer;
  short: boolean;
  log: (line: string) => void;
}

/** The two take turns, so that what else the machine does meets both. */
async function compare(
  name: string,
  requests: Requests,
  { ours, minimal, short, log }: Contest,
): Promise<Figure[]> {
  const seconds = short ? 1 : 8;
  const rounds = short ? 1 : 5;
  const speeds = { ours: [] as number[], minimal: [] as number[] };
  const cpu = { ours: [] as number[], minimal: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    for (const [who, server] of Object.entries({ ours, minimal }) as ['ours' | 'minimal', MeasuredServer][]) {
      const before = await server.cpuMs();
      const { requestsPerSecond, answered, failures } = await load([server.url], requests, { seconds });
      if (failures > 0) throw new Error(`${name}: ${failures} requests failed at ${who}`);
      // The first round warms both up.
      if (round === 0 && !short) continue;
      speeds[who].push(requestsPerSecond);
      cpu[who].push((1_000 * ((await server.cpuMs()) - before)) / answered);
    }
    log(`${name}: round ${round} of ${rounds}`);
  }
  const [speed, reference] = [median(speeds.ours), median(speeds.minimal)];
  // One pause of the machine makes the p99 of a whole run: the median of three tells more.
  const calm = { ours: [] as number[], minimal: [] as number[] };
  for (let round = 0; round < (short ? 1 : 3); round++) {
    calm.ours.push(await p99AtRate(ours.url, requests, { seconds, rate: 0.7 * speed }));
    calm.minimal.push(await p99AtRate(minimal.url, requests, { seconds, rate: 0.7 * reference }));
  }
  const p99Ms = median(calm.ours);
  return [
    {
      name,
      value: speed,
      unit: 'requests/s',
      against: { name: 'minimal Express and prepared pg', value: reference },
      ratio: speed / reference,
      bar: { text: `≥ ${bar}`, met: speed / reference >= bar },
    },
    {
      name: `${name}, CPU of the server`,
      value: median(cpu.ours),
      unit: 'µs a request',
      against: { name: 'minimal', value: median(cpu.minimal) },
      ratio: median(cpu.ours) / median(cpu.minimal),
    },
    {
      name: `${name}, p99 at 70 % of that rate`,
      value: p99Ms,
      unit: 'ms',
      against: { name: 'minimal, at 70 % of its own', value: median(calm.minimal) },
      bar: { text: `< ${p99BarMs} ms`, met: p99Ms < p99BarMs },
    },
  ];
}

export const hotPaths: Benchmark = {
  id: 'p4',
  what: 'hot reads and webhook writes, against the least that could answer them with the same SQL',
  run,
};
