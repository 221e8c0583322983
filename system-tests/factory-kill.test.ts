import { createPrivateKey, X509Certificate } from 'node:crypto';
import { watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadBundle } from '@aovis/device-agent/identity/bundle';
import { admin } from '@aovis/simulator/cloud-setup';
import { ManagedProcess } from '@aovis/simulator/managed-process';
import {
  ListThingPrincipalsCommand,
  paginateListCertificates,
  paginateListTargetsForPolicy,
  paginateListThings,
} from '@aws-sdk/client-iot';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CloudClients } from './support/cloud-clients.ts';
import { query } from './support/database.ts';
import { addFault, type FaultRule, pendingFaults } from './support/faults.ts';
import { randomFrom, seedOfThisRun } from './support/random.ts';
import { orders, RunningSystem } from './support/running-system.ts';

const boards = 40;
const kills = 8;
const batch = 'lot-1';
const seed = seedOfThisRun();

/** Each effect of the tool on the cloud, with its answer lost, itself lost, or failing, some times. */
const faults: FaultRule[] = [
  'CreateThing',
  'RegisterCertificate',
  'AttachThingPrincipal',
  'AttachPolicy',
  'UpdateCertificate',
].flatMap((operation): FaultRule[] => [
  { service: 'iot-core', operation, effect: { kind: 'lose-answer' }, times: 3 },
  { service: 'iot-core', operation, effect: { kind: 'drop' }, times: 1 },
  {
    service: 'iot-core',
    operation,
    effect: { kind: 'error', status: 500, code: 'InternalFailureException' },
    times: 1,
  },
]);

describe(`batch run of ${boards} boards, killed ${kills} times, on a cloud that loses answers (AOVIS_SEED=${seed})`, () => {
  const random = randomFrom(seed);
  let running: RunningSystem;
  let cloud: CloudClients;
  let csv: string;
  let bundles: string;
  /** Active certificates without a finished bundle, as seen after each kill. */
  const orphans: string[][] = [];
  let killed = 0;
  let faultsLeft: string[] = [];

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 0 });
    const { endpoints, factory } = running.system;
    cloud = new CloudClients(endpoints);
    csv = factory.writeOrder(batch, orders(boards));
    bundles = join(factory.workspace, 'batches', batch, 'bundles');
    for (const fault of faults) await addFault(endpoints, fault);
    while (killed < kills) {
      if (!(await runAndKill(1 + Math.floor(random() * 120)))) break;
      killed += 1;
      orphans.push(await activeWithoutBundle());
    }
    await factory.runBatch(csv);
    faultsLeft = await pendingFaults(endpoints);
    await admin(endpoints, 'PUT', '/_local/throttling', { enabled: false });
  });

  afterAll(async () => {
    cloud?.close();
    await running?.stop();
  });

  /** Kills the run at the n-th change in the factory's workspace; false when it came to its end before. */
  async function runAndKill(n: number): Promise<boolean> {
    const { factory, folder } = running.system;
    let changes = 0;
    const watcher = watch(factory.workspace, { recursive: true });
    const run = new ManagedProcess({
      name: 'batch run',
      ...factory.command('batch', 'run', csv),
      logFile: folder.log('batch-run'),
    });
    watcher.on('change', () => {
      changes += 1;
      if (changes === n) void run.kill();
    });
    const { signal } = await run.exited;
    watcher.close();
    return signal === 'SIGKILL';
  }

  async function certificates(): Promise<{ id: string; status: string }[]> {
    const found: { id: string; status: string }[] = [];
    for await (const page of paginateListCertificates({ client: cloud.iot, pageSize: 250 }, {}))
      for (const { certificateId = '', status = '' } of page.certificates ?? [])
        found.push({ id: certificateId, status });
    return found;
  }

  async function bundledCertificates(): Promise<string[]> {
    const names = await readdir(bundles).catch(() => []);
    return Promise.all(
      names.map(async (name) => {
        const pem = await readFile(join(bundles, name, 'device.crt'), 'utf8');
        return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
      }),
    );
  }

  async function activeWithoutBundle(): Promise<string[]> {
    const active = (await certificates()).filter(({ status }) => status === 'ACTIVE');
    const bundled = new Set(await bundledCertificates());
    return active.map(({ id }) => id).filter((id) => !bundled.has(id));
  }

  it('suffered all of that, and never left a certificate active without its bundle', () => {
    expect({ killed, faultsLeft, orphans: orphans.flat() }).toEqual({
      killed: kills,
      faultsLeft: [],
      orphans: [],
    });
  });

  it('leaves one thing and one certificate a board, ACTIVE, attached, with the policy, and none besides', async () => {
    const things: string[] = [];
    for await (const page of paginateListThings({ client: cloud.iot, pageSize: 250 }, {}))
      things.push(...(page.things ?? []).map(({ thingName = '' }) => thingName));
    const deviceIds = running.system.factory.boards(batch).map(({ deviceId }) => deviceId);
    expect(deviceIds).toHaveLength(boards);
    expect(things.sort()).toEqual(deviceIds.sort());

    const registered = await certificates();
    expect(registered.map(({ status }) => status)).toEqual(Array.from({ length: boards }, () => 'ACTIVE'));
    expect(registered.map(({ id }) => id).sort()).toEqual((await bundledCertificates()).sort());

    const principals: string[] = [];
    for (const thingName of things) {
      const attached = (await cloud.iot.send(new ListThingPrincipalsCommand({ thingName }))).principals ?? [];
      expect(attached).toHaveLength(1);
      principals.push(...attached);
    }
    const targets: string[] = [];
    for await (const page of paginateListTargetsForPolicy(
      { client: cloud.iot, pageSize: 250 },
      { policyName: 'aovis-board' },
    ))
      targets.push(...(page.targets ?? []));
    expect(new Set(principals).size).toBe(boards);
    expect(targets.sort()).toEqual(principals.sort());
  });

  it('leaves whole bundles: key, certificate and issuer belong together', async () => {
    for (const { bundle, deviceId } of running.system.factory.boards(batch)) {
      const { certificate, privateKey, thing } = await loadBundle(bundle);
      const [leaf, issuer] = certificate
        .split(/(?<=-----END CERTIFICATE-----\n)/)
        .map((pem) => new X509Certificate(pem));
      if (leaf === undefined || issuer === undefined)
        throw new Error(`device.crt of ${deviceId} is not whole.`);
      expect(thing).toBe(deviceId);
      expect(leaf.subject).toContain(`CN=${deviceId}`);
      expect(leaf.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
      expect(leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey)).toBe(true);
    }
  });

  it('has handed every board to the backend, with its own certificate and code', async () => {
    const rows = await query<{ certificate_id: string; activation_code_hash: string }>(
      running.system.databaseUrl,
      `SELECT certificate_id, activation_code_hash FROM devices WHERE status = 'provisioned' AND batch_id = $1`,
      [batch],
    );
    expect(rows.map((row) => row.certificate_id).sort()).toEqual((await bundledCertificates()).sort());
    expect(new Set(rows.map((row) => row.activation_code_hash)).size).toBe(boards);
  });

  it('passes batch verify, and the label of a board activates it', async () => {
    await running.system.factory.run('batch', 'verify', batch);
    const last = running.system.factory.boards(batch).at(-1);
    if (last === undefined) throw new Error('The batch is empty.');
    await running.owner('anna@example.com', last);
  });
});
