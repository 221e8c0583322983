import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Vendor } from '@aovis/device-agent/software/testing/signed-release';
import type { Board } from '@aovis/simulator/board';
import { untilPersisted, waitFor } from '@aovis/simulator/wait-for';
import {
  CancelJobCommand,
  CreateJobCommand,
  DescribeCertificateCommand,
  DescribeJobExecutionCommand,
  DescribeThingCommand,
  ListThingPrincipalsCommand,
} from '@aws-sdk/client-iot';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentStatus, untilCaughtUp, untilStatus } from './support/agent-status.ts';
import { CloudClients } from './support/cloud-clients.ts';
import { query } from './support/database.ts';
import { RunningSystem } from './support/running-system.ts';

describe('jobs that an operator gives a board', () => {
  let running: RunningSystem;
  let cloud: CloudClients;
  let board: Board;
  let deviceId: string;
  let store: Server;
  const uploads: Buffer[] = [];
  /** What the store serves. */
  let release = Buffer.alloc(0);
  const vendor = new Vendor();

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 1 });
    const provisioned = running.provisionedBoard(0);
    deviceId = provisioned.deviceId;
    cloud = new CloudClients(running.system.endpoints);
    store = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        uploads.push(Buffer.concat(chunks));
        response.end(request.method === 'GET' ? release : undefined);
      });
    }).listen(0, '127.0.0.1');
    await once(store, 'listening');
    const vendorKey = join(running.system.folder.root, 'vendor.pem');
    writeFileSync(vendorKey, vendor.publicKeyPem);
    board = running.board(0, {
      AOVIS_AGENT_LOGS_COMMAND: `cat ${running.system.folder.log(deviceId)}`,
      AOVIS_AGENT_UPDATE_KEY: vendorKey,
    });
    await running.owner('anna@example.com', provisioned);
    board.start();
    await untilPersisted(board);
  });
  afterAll(async () => {
    cloud?.close();
    await running?.stop();
    store?.close();
  });

  async function create(jobId: string, document: object): Promise<void> {
    const { thingArn = '' } = await cloud.iot.send(new DescribeThingCommand({ thingName: deviceId }));
    await cloud.iot.send(
      new CreateJobCommand({ jobId, targets: [thingArn], document: JSON.stringify(document) }),
    );
  }
  const execution = async (jobId: string) => {
    const command = new DescribeJobExecutionCommand({ jobId, thingName: deviceId });
    const { status, statusDetails } = (await cloud.iot.send(command)).execution ?? {};
    return { status, details: statusDetails?.detailsMap ?? {} };
  };
  const ended = (jobId: string) =>
    waitFor(`The end of ${jobId}`, async () => {
      const { status, details } = await execution(jobId);
      return status === 'QUEUED' || status === 'IN_PROGRESS' ? undefined : { status, details };
    });

  const rotate = (...words: string[]) =>
    running.system.backendCli('board', 'rotate-certificate', '--id', deviceId, ...words);
  const presentCertificate = async (): Promise<string> =>
    (await agentStatus(running, deviceId)).certificate.id;
  const attached = async (): Promise<string[]> => {
    const { principals = [] } = await cloud.iot.send(new ListThingPrincipalsCommand({ thingName: deviceId }));
    return principals.map((arn) => arn.replace(/^.*\//, ''));
  };
  const statusOf = async (certificateId: string): Promise<string | undefined> =>
    (await cloud.iot.send(new DescribeCertificateCommand({ certificateId }))).certificateDescription?.status;
  const onRecord = async (): Promise<string | undefined> => {
    const rows = await query<{ certificate_id: string }>(
      running.system.databaseUrl,
      'SELECT certificate_id FROM devices WHERE device_id = $1',
      [deviceId],
    );
    return rows[0]?.certificate_id;
  };
  const bundleFile = (name: string): string =>
    readFileSync(join(running.provisionedBoard(0).bundle, name), 'utf8');

  it('upload-logs brings the log to where the job says', async () => {
    const { port } = store.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/log.gz?X-Amz-Signature=canary`;
    await create('logs', { operation: 'upload-logs', url, max_bytes: 65_536 });
    expect(await ended('logs')).toMatchObject({ status: 'SUCCEEDED' });
    const [body] = uploads;
    expect(gunzipSync(body ?? '').toString()).toContain('A job is carried out.');
  });

  it('reboot is rejected by a board that is not set up for it, with a sentence', async () => {
    await create('reboot', { operation: 'reboot' });
    expect(await ended('reboot')).toMatchObject({ status: 'REJECTED', details: { code: 'unsupported' } });
  });

  it('rotate-certificate gives it another key, while it streams', async () => {
    const before = await presentCertificate();
    await rotate();
    const after = await presentCertificate();
    expect(after).not.toBe(before);
    expect(await attached()).toEqual([after]);
    expect([await statusOf(before), await statusOf(after)]).toEqual(['INACTIVE', 'ACTIVE']);
    expect(await onRecord()).toBe(after);
    await untilCaughtUp(running, deviceId);
    const { active } = JSON.parse(bundleFile('identity.json')) as { active: string };
    const certificate = new X509Certificate(bundleFile(join('identities', active, 'device.crt')));
    expect(certificate.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(after);
  });

  it('and by that it starts again', async () => {
    const certificate = await presentCertificate();
    await board.kill();
    board.start();
    await untilCaughtUp(running, deviceId);
    expect(await presentCertificate()).toBe(certificate);
  });

  it('a rotation that is cancelled leaves the board its certificate, and the cloud no other', async () => {
    const before = await presentCertificate();
    await create('cancelled', { operation: 'rotate-certificate' });
    await waitFor('The request', async () =>
      (await execution('cancelled')).details['csr'] ? true : undefined,
    );
    await cloud.iot.send(new CancelJobCommand({ jobId: 'cancelled', force: true }));
    await expect(rotate('--job', 'cancelled')).rejects.toThrow('CANCELED');
    expect(await attached()).toEqual([before]);
    await create('after', { operation: 'dance' });
    await ended('after');
    expect(await presentCertificate()).toBe(before);
  });

  it('a board that loses its power in the middle of it ends on one certificate that works', async () => {
    const before = await presentCertificate();
    const rotation = rotate('--job', 'kills');
    for (const step of ['csr', 'certificate']) {
      await waitFor(step, async () => {
        const { status, details } = await execution('kills').catch(() => ({
          status: undefined,
          details: {} as Record<string, string>,
        }));
        return details['step'] === step || status === 'SUCCEEDED' ? true : undefined;
      });
      await board.kill();
      board.start();
    }
    await rotation;
    await untilStatus(
      running,
      deviceId,
      'another certificate',
      ({ certificate, connection }) => connection.state === 'connected' && certificate.id !== before,
    );
    const after = await presentCertificate();
    expect([await attached(), await onRecord()]).toEqual([[after], after]);
    expect(await statusOf(before)).toBe('INACTIVE');
  });

  it('update-agent puts a signed release in the place of the agent, once it works', async () => {
    const program = readFileSync(join(import.meta.dirname, '../device-agent/dist/aovis-agent.cjs'), 'utf8');
    release = Buffer.from(program.replace(/(version:\s*)"\d+\.\d+\.\d+"/, '$1"9.0.0"'));
    const { port } = store.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/aovis-agent.cjs`;
    await create('update', { operation: 'update-agent', url, ...vendor.release('9.0.0', release) });
    // As systemd does.
    expect(await board.process.exited).toEqual({ code: 22, signal: null });
    board.start();
    await untilStatus(running, deviceId, 'the release', ({ version }) => version === '9.0.0');
    expect(await ended('update')).toEqual({ status: 'SUCCEEDED', details: { version: '9.0.0' } });
    await untilCaughtUp(running, deviceId);
  });
});
