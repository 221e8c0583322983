import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ActivationClaim } from '@aovis/contracts/http/activation';
import type { ReportedEvent } from '@aovis/contracts/http/reports';
import type { OwnershipState } from '@aovis/contracts/ownership';
import { ownershipShadow } from '@aovis/contracts/topics';
import { AppClient } from '@aovis/simulator/app-client';
import { admin } from '@aovis/simulator/cloud-setup';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { lastMailId, mailedToken } from '@aovis/simulator/mailbox';
import { waitFor } from '@aovis/simulator/wait-for';
import { UpdateCertificateCommand } from '@aws-sdk/client-iot';
import { GetThingShadowCommand, IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentStatus, untilStatus } from './support/agent-status.ts';
import { CloudClients } from './support/cloud-clients.ts';
import { addFault, removeFault } from './support/faults.ts';
import { RunningSystem } from './support/running-system.ts';

/** One story; each step stands on the ones before. */
describe('a board that confirms its activation', () => {
  let running: RunningSystem;
  let anna: AppClient;
  let ben: AppClient;
  /** Has a picture of the label, and nothing else. */
  let thief: AppClient;
  let deviceId: string;
  let label: string;
  let claimId: string;
  let shadows: IoTDataPlaneClient;

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 1, backendSettings: { AOVIS_PROOF_MODELS: 'n4k' } });
    const { region, accessKeyId, secretAccessKey, iot } = running.system.endpoints;
    const credentials = { accessKeyId, secretAccessKey };
    shadows = new IoTDataPlaneClient({ region, credentials, endpoint: iot.dataUrl });
    ({ deviceId, activationCode: label } = running.provisionedBoard(0));
    [anna, ben, thief] = (await Promise.all(['anna', 'ben', 'thief'].map(signIn))) as [
      AppClient,
      AppClient,
      AppClient,
    ];
  });
  afterAll(async () => {
    shadows?.destroy();
    await running?.stop();
  });

  async function signIn(name: string): Promise<AppClient> {
    const { backendUrl, endpoints } = running.system;
    const app = new AppClient({ backendUrl, mailUrl: endpoints.mail.url });
    await app.signIn(`${name}@example.com`);
    return app;
  }
  const untilBinding = (
    what: string,
    wanted: Partial<{ claimable: boolean; owned: boolean; epoch: number }>,
  ) =>
    untilStatus(running, deviceId, what, ({ binding }) =>
      Object.entries(wanted).every(([key, value]) => binding[key as keyof typeof binding] === value),
    );
  /** Until the backend has heard from the broker and the shadow as much as the board says of itself. */
  async function activateWhenHeard(app: AppClient): Promise<ActivationClaim> {
    return waitFor('The backend asks the board', async () => {
      const { status, body } = await app.beginActivation(deviceId, label);
      return status === 202 ? (body as ActivationClaim) : undefined;
    });
  }
  const endOf = (app: AppClient, id: string): Promise<ActivationClaim> =>
    waitFor('The claim ends', async () => {
      const claim = expectAnswer(await app.claim(id), 200);
      return claim.status === 'pending' ? undefined : claim;
    });
  const refused = async (app: AppClient, status: number, code: string): Promise<void> => {
    expectAnswer(await app.beginActivation(deviceId, label), status, code);
  };
  const untilRefused = (app: AppClient, code: string) =>
    waitFor(`The backend answers ${code}`, async () => {
      expectAnswer(await app.beginActivation(deviceId, label), 409, code);
      return true;
    });
  const eventsOf = async (app: AppClient): Promise<ReportedEvent[]> => {
    const path = `/api/devices/${deviceId}/events`;
    return expectAnswer(await app.call<{ events: ReportedEvent[] }>('GET', path), 200).events;
  };

  async function handOver(from: AppClient, to: AppClient, email: string): Promise<void> {
    const { mail } = running.system.endpoints;
    const before = await lastMailId(mail.url, email);
    expectAnswer(await from.call('POST', `/api/devices/${deviceId}/transfer`, { email }), 201);
    const token = await mailedToken(mail.url, email, before);
    expectAnswer(await to.call('POST', '/api/transfers/accept', { token }), 200);
  }
  /** Until the shadow says what the records say. */
  const untilTold = (epoch: number) =>
    waitFor(`The shadow names epoch ${epoch}`, async () => {
      const { payload } = await shadows.send(
        new GetThingShadowCommand({ thingName: deviceId, shadowName: ownershipShadow }),
      );
      const { state } = JSON.parse(new TextDecoder().decode(payload)) as {
        state: { desired: OwnershipState };
      };
      return state.desired.epoch === epoch ? true : undefined;
    });

  /** What the board had reported was wiped in the cloud: its new owner sees all of it, not what has changed since alone. */
  const untilSeenWhole = (app: AppClient) =>
    waitFor('The board as its owner sees it', async () => {
      const { shadow } = expectAnswer(await app.device(deviceId), 200);
      return shadow?.agent_version && shadow.firmware && shadow.stream_state ? true : undefined;
    });

  it('is not to be had with a picture of its label while it lies in its box', async () => {
    await refused(thief, 409, 'device_offline');
  });

  it('is its buyer’s when it is switched on and has signed', async () => {
    running.board(0).start();
    await untilBinding('can be claimed', { claimable: true, owned: false, epoch: 0 });
    ({ claim_id: claimId } = await activateWhenHeard(anna));
    const claim = await endOf(anna, claimId);
    expect(claim).toMatchObject({
      status: 'activated',
      activation: {
        device: { device_id: deviceId, role: 'owner' },
        ownership: { epoch: 1 },
        already_owned: false,
      },
    });
    expectAnswer(await thief.claim(claimId), 404, 'claim_not_found');
    await untilBinding('knows of its owner', { claimable: false, owned: true, epoch: 1 });
    await refused(thief, 403, 'device_owned_by_another_user');
    expect(await running.board(0).pressButton()).toContain('This board has an owner');
  });

  it('is nobody else’s by an answer that is sent again', async () => {
    const { results } = (await admin(running.system.endpoints, 'POST', '/_local/event-forwarder/replay', {
      count: 200,
    })) as { results: { status: number }[] };
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set([200]));
    expect(expectAnswer(await anna.device(deviceId), 200).role).toBe('owner');
    expect(expectAnswer(await anna.claim(claimId), 200).status).toBe('activated');
  });

  it('knows its owner after a power cut', async () => {
    await running.board(0).kill();
    running.board(0).start();
    await untilBinding('knows of its owner', { claimable: false, owned: true, epoch: 1 });
  });

  it('that was away while it was handed over tells the next owner nothing of the one before', async () => {
    const { endpoints } = running.system;
    await running.board(0).stop();
    const fault = await addFault(endpoints, {
      service: 'iot-broker',
      operation: 'Connect',
      subject: deviceId,
      effect: { kind: 'error', status: 503, code: 'away' },
    });
    running.board(0).start();
    // What happened in Anna's time waits on the board.
    await untilStatus(running, deviceId, 'keeps its messages', ({ buffer }) => buffer.messages > 0);
    const handedOverAt = Date.now();
    await handOver(anna, ben, 'ben@example.com');
    await untilTold(3);
    await removeFault(endpoints, fault);
    await untilBinding('knows its new owner', { claimable: false, owned: true, epoch: 3 });
    await untilStatus(running, deviceId, 'sends again', ({ buffer }) => buffer.messages === 0);
    const events = await waitFor('what the board did for its new owner', async () => {
      const all = await eventsOf(ben);
      return all.some(({ type, data }) => type === 'binding' && data['change'] === 'wiped') ? all : undefined;
    });
    expect(events.filter(({ occurred_at }) => Date.parse(occurred_at) < handedOverAt)).toEqual([]);
    expectAnswer(await anna.device(deviceId), 404, 'device_not_found');
    await untilSeenWhole(ben);
  });

  it('that was released is for who presses its button', async () => {
    expectAnswer(await ben.call('DELETE', `/api/devices/${deviceId}`), 200);
    await untilBinding('knows that it was released', { claimable: false, owned: false, epoch: 4 });
    const log = join(running.system.folder.boardState(deviceId), 'log', 'agent.log');
    await waitFor('A log without the time of its owners', async () =>
      readFileSync(log, 'utf8').includes('This board has an owner.') ? undefined : true,
    );
    // There, and in nobody's hands; the label alone is worth nothing.
    await untilRefused(thief, 'device_proof_required');
    expect(await running.board(0).pressButton()).toContain('can be claimed until');
    await untilBinding('can be claimed', { claimable: true });
    const { claim_id } = await activateWhenHeard(anna);
    expect(await endOf(anna, claim_id)).toMatchObject({
      status: 'activated',
      activation: { ownership: { epoch: 5 } },
    });
    await untilBinding('knows of its owner', { claimable: false, owned: true, epoch: 5 });
    await untilSeenWhole(anna);
  });

  it('is nobody’s once its certificate was withdrawn', async () => {
    const { endpoints } = running.system;
    expectAnswer(await anna.call('DELETE', `/api/devices/${deviceId}`), 200);
    await untilBinding('knows that it was released', { owned: false, epoch: 6 });
    await running.board(0).pressButton();
    await untilBinding('can be claimed', { claimable: true });
    const { certificate } = await agentStatus(running, deviceId);
    const cloud = new CloudClients(endpoints);
    await cloud.iot.send(
      new UpdateCertificateCommand({ certificateId: certificate.id, newStatus: 'REVOKED' }),
    );
    cloud.close();
    await untilStatus(running, deviceId, 'thrown out', ({ connection }) => connection.state !== 'connected');
    await untilRefused(thief, 'device_offline');
  });

  it('leaves a chain of audit rows that is whole', async () => {
    const { stdout } = await running.system.backendCli('audit', 'verify');
    expect(stdout).toMatch(/^ok [1-9]/);
  });
});
