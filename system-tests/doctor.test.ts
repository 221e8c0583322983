import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { BundleDescriptor } from '@aovis/contracts/provisioning';
import { systemClock } from '@aovis/device-agent/host/clock';
import { examineBoard } from '@aovis/device-agent/operating/doctor/doctor';
import {
  type DoctorReport,
  type StepName,
  stepNames,
} from '@aovis/device-agent/operating/doctor/examination';
import { readStatus } from '@aovis/device-agent/status/status-client';
import { waitFor } from '@aovis/simulator/wait-for';
import { UpdateCertificateCommand } from '@aws-sdk/client-iot';
import { DescribeStreamCommand } from '@aws-sdk/client-kinesis-video';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { untilStatus } from './support/agent-status.ts';
import { CloudClients } from './support/cloud-clients.ts';
import { addFault } from './support/faults.ts';
import { RunningSystem } from './support/running-system.ts';

describe('aovis-agent doctor', () => {
  let running: RunningSystem;
  let cloud: CloudClients;
  /** A copy of the first board's bundle, for the test to spoil. */
  let bundle: string;

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 2 });
    cloud = new CloudClients(running.system.endpoints);
    for (const index of [0, 1])
      await waitFor('the stream', () =>
        cloud.video.send(new DescribeStreamCommand({ StreamName: descriptorOf(provisioned(index)).stream })),
      );
  });

  afterAll(async () => {
    cloud?.close();
    await running?.stop();
  });

  beforeEach(() => {
    bundle = mkdtempSync(join(running.system.folder.root, 'bundle-'));
    cpSync(provisioned(0), bundle, { recursive: true });
  });

  afterEach(() => rmSync(bundle, { recursive: true, force: true }));

  const provisioned = (index: number): string => running.provisionedBoard(index).bundle;
  const state = (): string => running.system.folder.boardState(running.provisionedBoard(0).deviceId);
  const descriptorOf = (directory: string): BundleDescriptor =>
    JSON.parse(readFileSync(join(directory, 'device.json'), 'utf8')) as BundleDescriptor;
  const writeDescriptor = (changes: Partial<BundleDescriptor>): void =>
    writeFileSync(join(bundle, 'device.json'), JSON.stringify({ ...descriptorOf(bundle), ...changes }));
  const writeEndpoints = (changes: Partial<BundleDescriptor['endpoints']>): void =>
    writeDescriptor({ endpoints: { ...descriptorOf(bundle).endpoints, ...changes } });

  const certificatesOf = (directory: string): X509Certificate[] =>
    (readFileSync(join(directory, 'device.crt'), 'utf8').match(/-----BEGIN[^]+?-----END.*/g) ?? []).map(
      (pem) => new X509Certificate(pem),
    );

  const examine = (now = (): number => systemClock.now()): Promise<DoctorReport> =>
    examineBoard({
      config: { bundle, state: state(), keepAliveSeconds: 30 },
      clock: { ...systemClock, now },
      builtAt: Date.UTC(2026, 0, 1),
      readStatus,
    });

  /** The step that fails, with all before it in order and none after it reached. */
  function expectFailure(report: DoctorReport, step: StepName, sentence: string | RegExp): void {
    expect(report).toMatchObject({ ok: false, failed: step });
    const at = stepNames.indexOf(step);
    expect(report.steps.map(({ result }) => result)).toEqual(
      stepNames.map((_, index) => (index < at ? 'ok' : index === at ? 'failed' : 'not_reached')),
    );
    expect(report.steps[at]?.detail).toMatch(sentence);
  }

  it('finds everything in order', async () => {
    const report = await examine();
    expect(report).toEqual({
      ok: true,
      steps: stepNames.map((name) => ({
        name,
        result: 'ok',
        detail: expect.any(String),
        ms: expect.any(Number),
      })),
    });
  });

  it('files: a bundle open to others', async () => {
    chmodSync(join(bundle, 'device.key'), 0o644);
    expectFailure(await examine(), 'files', /Type: chmod 600/);
  });

  it('key: the files of two boards', async () => {
    copyFileSync(join(provisioned(1), 'device.key'), join(bundle, 'device.key'));
    expectFailure(await examine(), 'key', /files of two boards were mixed/);
  });

  it('chain: an issuer that did not issue', async () => {
    appendFileSync(join(bundle, 'device.crt'), readFileSync(join(provisioned(1), 'device.crt')));
    expectFailure(await examine(), 'chain', /the chain is broken/);
  });

  it('chain: a root that is no authority', async () => {
    copyFileSync(join(bundle, 'device.crt'), join(bundle, 'root-ca.pem'));
    expectFailure(await examine(), 'chain', /put the cloud's root certificate there/);
  });

  it('clock: a board without a battery', async () => {
    expectFailure(
      await examine(() => 300_000),
      'clock',
      /1970.*says that it is 20.*Set it: sudo aovis-agent clock --set/,
    );
  });

  it('dns: one name among others', async () => {
    writeEndpoints({ credentials: 'no-such-name.invalid:443' });
    expectFailure(
      await examine(),
      'dns',
      /correct endpoints\.credentials in device\.json|No name can be resolved/,
    );
  });

  it('tcp: nobody listens', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    writeEndpoints({ iot: `localhost:${port}` });
    expectFailure(await examine(), 'tcp', `localhost:${port} cannot be reached (ECONNREFUSED)`);
  });

  it('tls: a login page answers', async () => {
    const page = createServer();
    writeEndpoints({ iot: `localhost:${await listen(page)}` });
    expectFailure(await examine(), 'tls', /does not speak TLS/);
    await new Promise((resolve) => page.close(resolve));
  });

  it('tls: somebody else’s root', async () => {
    const [, factory] = certificatesOf(bundle);
    writeFileSync(join(bundle, 'root-ca.pem'), factory?.toString() ?? '');
    expectFailure(await examine(), 'tls', /root-ca\.pem does not vouch for/);
  });

  it('mqtt: a certificate that was switched off', async () => {
    const certificateId = certificatesOf(bundle)[0]?.fingerprint256.replaceAll(':', '').toLowerCase();
    await cloud.iot.send(new UpdateCertificateCommand({ certificateId, newStatus: 'INACTIVE' }));
    expectFailure(await examine(), 'mqtt', /registered and ACTIVE/);
    await cloud.iot.send(new UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' }));
  });

  it('credentials: a role alias that is not there', async () => {
    writeDescriptor({ role_alias: 'nobody' });
    expectFailure(await examine(), 'credentials', /allow iot:AssumeRoleWithCertificate on rolealias\/nobody/);
  });

  it('putmedia: a stream that is not the board’s', async () => {
    writeDescriptor({ stream: descriptorOf(provisioned(1)).stream });
    expectFailure(await examine(), 'putmedia', /In the role of the board allow kinesisvideo/);
  });

  it('putmedia: a service that refuses the request itself', async () => {
    await addFault(running.system.endpoints, {
      service: 'kinesis-video',
      operation: 'PutMedia',
      effect: { kind: 'error', status: 400, code: 'ConnectionLimitExceededException' },
      times: 1,
    });
    expectFailure(await examine(), 'putmedia', /ConnectionLimitExceededException.*Another connection feeds/);
  });

  it('leaves an agent that runs its connection and its stream', async () => {
    const { deviceId } = running.provisionedBoard(0);
    const board = running.board(0);
    board.start();
    const before = await untilStatus(
      running,
      deviceId,
      'streams',
      ({ connection, stream }) => connection.state === 'connected' && stream.state === 'streaming',
    );
    const report = await examine();
    expect(report.ok).toBe(true);
    for (const step of ['mqtt', 'putmedia'])
      expect(report.steps.find(({ name }) => name === step)?.detail).toContain(`process ${before.pid}`);
    const after = await readStatus(state());
    expect(after?.problems.filter(({ part }) => part === 'iot')).toEqual([]);
    expect(after?.connection.state).toBe('connected');
    await board.stop();
  });
});

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
