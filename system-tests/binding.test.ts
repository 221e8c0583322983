import type { ActivationClaim } from '@aovis/contracts/http/devices';
import type { ReportedEvent } from '@aovis/contracts/http/reports';
import { AppClient } from '@aovis/simulator/app-client';
import { admin } from '@aovis/simulator/cloud-setup';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { waitFor } from '@aovis/simulator/wait-for';
import { UpdateCertificateCommand } from '@aws-sdk/client-iot';
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

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 1, backendSettings: { AOVIS_PROOF_MODELS: 'n4k' } });
    ({ deviceId, activationCode: label } = running.provisionedBoard(0));
    [anna, ben, thief] = (await Promise.all(['anna', 'ben', 'thief'].map(signIn))) as [
      AppClient,
      AppClient,
      AppClient,
    ];
  });
  afterAll(async () => {
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

  it('that was away while it was released tells the next owner nothing of the one before', async () => {
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
    const releasedAt = Date.now();
    expectAnswer(await anna.call('DELETE', `/api/devices/${deviceId}`), 200);
    await removeFault(endpoints, fault);
    await untilBinding('knows that it was released', { claimable: false, owned: false, epoch: 2 });
    await untilStatus(running, deviceId, 'sends again', ({ buffer }) => buffer.messages === 0);
    // There, and in nobody's hands; the label alone is worth nothing.
    await untilRefused(thief, 'device_proof_required');
    expect(await running.board(0).pressButton()).toContain('can be claimed until');
    await untilBinding('can be claimed', { claimable: true });
    const { claim_id } = await activateWhenHeard(ben);
    expect(await endOf(ben, claim_id)).toMatchObject({
      status: 'activated',
      activation: { ownership: { epoch: 3 }, entitlement: null },
    });
    await untilBinding('knows of its owner', { owned: true, epoch: 3 });
    const events = await eventsOf(ben);
    expect(events.filter(({ occurred_at }) => Date.parse(occurred_at) < releasedAt)).toEqual([]);
    expectAnswer(await anna.device(deviceId), 404, 'device_not_found');
  });

  it('is nobody’s once its certificate was withdrawn', async () => {
    const { endpoints } = running.system;
    expectAnswer(await ben.call('DELETE', `/api/devices/${deviceId}`), 200);
    await untilBinding('knows that it was released', { owned: false, epoch: 4 });
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
