import { CreateThingCommand, RegisterCertificateWithoutCACommand } from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryCa } from '../iot-core/testing/factory-ca.ts';
import { type IotCloud, outcomeOf, startIotCloud } from '../iot-core/testing/iot-cloud.ts';
import { recipes } from './recipes.ts';
import { Admin } from './server.ts';

describe('the admin surface', () => {
  let cloud: IotCloud;
  let admin: Admin;
  let throttling: boolean[];
  let streams: string[];

  beforeEach(async () => {
    cloud = await startIotCloud();
    throttling = [];
    streams = [];
    admin = new Admin({
      environment: cloud.environment,
      iam: cloud.iam,
      services: [cloud.iotCore],
      onThrottling: (enabled) => throttling.push(enabled),
      boards: () => [{ clientId: 'board-1', connectedAt: 0, subscriptions: ['a', 'b'] }],
      streams: () => streams,
      endpoints: () => ({ 'IoT control plane': 'http://localhost:1', 'MQTT over TLS': 'localhost:2' }),
      port: 0,
    });
    await admin.start();
  });
  afterEach(async () => {
    await admin.stop();
    await cloud.stop();
  });

  async function call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; json: unknown }> {
    const response = await fetch(`${admin.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
  }
  const create = (thingName: string) => outcomeOf(cloud.client.send(new CreateThingCommand({ thingName })));

  it('sets, lists and removes faults', async () => {
    const rule = {
      service: 'iot-core',
      operation: 'CreateThing',
      effect: { kind: 'error', status: 503, code: 'ServiceUnavailableException' },
    };
    const { json } = await call('POST', '/_local/faults', rule);
    const { id } = json as { id: string };
    expect(await create('t')).toBe('ServiceUnavailableException 503');
    const { json: listed } = await call('GET', '/_local/faults');
    expect(listed).toMatchObject({ faults: [{ id, rule }] });
    expect((await call('DELETE', `/_local/faults/${id}`)).status).toBe(204);
    expect((await call('DELETE', `/_local/faults/${id}`)).status).toBe(404);
    expect(await create('t')).toBe('answered');
    const refused = await call('POST', '/_local/faults', { service: 'moon', effect: { kind: 'error' } });
    expect(refused).toMatchObject({ status: 400, json: { message: expect.stringMatching(/service/) } });
  });

  it('keeps roles', async () => {
    const role = { policyDocument: { Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] } };
    expect((await call('PUT', '/_local/roles/board', role)).json).toMatchObject({
      roleName: 'board',
      maxSessionSeconds: 3600,
    });
    expect((await call('GET', '/_local/roles/board')).json).toMatchObject({
      trust: ['credentials.iot.amazonaws.com'],
    });
    expect((await call('GET', '/_local/roles')).json).toMatchObject({ roles: [{ roleName: 'board' }] });
    expect((await call('PUT', '/_local/roles/bad', { policyDocument: {} })).status).toBe(400);
    expect((await call('DELETE', '/_local/roles/board')).status).toBe(204);
    expect((await call('GET', '/_local/roles/board')).status).toBe(404);
  });

  it('switches throttles and shifts the clock, which signatures feel', async () => {
    expect((await call('PUT', '/_local/throttling', { enabled: true })).json).toEqual({ enabled: true });
    expect(throttling).toEqual([true]);
    expect((await call('PUT', '/_local/clock', { offsetMs: 3_600_000 })).json).toMatchObject({
      offsetMs: 3_600_000,
    });
    expect(await create('t')).toBe('InvalidSignatureException 403');
    await call('PUT', '/_local/clock', { offsetMs: 0 });
    expect(await create('t')).toBe('answered');
  });

  it('switches certificates, and shows what there is', async () => {
    const { certificatePem } = await (await FactoryCa.create()).issue('board');
    const { certificateId } = await cloud.client.send(
      new RegisterCertificateWithoutCACommand({ certificatePem, status: 'ACTIVE' }),
    );
    const path = `/_local/certificates/${certificateId}/status`;
    expect((await call('PUT', path, { status: 'REVOKED' })).json).toMatchObject({ status: 'REVOKED' });
    expect((await call('PUT', path, { status: 'LOST' })).status).toBe(400);
    expect((await call('PUT', '/_local/certificates/none/status', { status: 'ACTIVE' })).status).toBe(404);
    expect((await call('GET', '/_local/certificates')).json).toMatchObject({
      certificates: [{ certificateId, status: 'REVOKED', things: [], policies: [] }],
    });
    await create('t');
    expect((await call('GET', '/_local/things')).json).toMatchObject({ things: [{ thingName: 't' }] });
  });

  it('forgets everything on reset', async () => {
    await create('t');
    await call('POST', '/_local/faults', { service: 'mail', effect: { kind: 'drop' } });
    await call('PUT', '/_local/clock', { offsetMs: 5000 });
    expect((await call('POST', '/_local/reset')).status).toBe(204);
    expect((await call('GET', '/_local/things')).json).toEqual({ things: [] });
    expect((await call('GET', '/_local/faults')).json).toEqual({ faults: [] });
    expect((await call('GET', '/_local/clock')).json).toMatchObject({ offsetMs: 0 });
  });

  it('offers commands that it takes as they stand', async () => {
    const commands = recipes(admin.url).map(({ command }) => command);
    for (const command of commands) {
      const [, method, url, body] =
        /^curl -X (\S+) (\S+)(?: -H 'content-type: application\/json' -d '(.*)')?$/.exec(command) ?? [];
      const isOurs = url?.match(/_local\/(faults|clock|throttling)/) ?? false;
      if (!isOurs) continue;
      const { status } = await call(
        method ?? '',
        (url ?? '').slice(admin.url.length),
        body === undefined ? undefined : JSON.parse(body),
      );
      expect([command, status]).toEqual([command, method === 'DELETE' ? 204 : 200]);
    }
    expect((await call('GET', '/_local/faults')).json).toEqual({ faults: [] });
  });

  it('names a board and its stream in commands, or leaves a word to replace', async () => {
    const page = async () => (await fetch(`${admin.url}/`)).text();
    const without = await page();
    expect(without).toContain('&quot;subject&quot;:&quot;board-1&quot;');
    expect(without).toContain('&quot;subject&quot;:&quot;STREAM&quot;');
    expect(without).toContain('Put a stream name in place of <code>STREAM</code>.');
    streams = ['lobby', 'cam-board-1'];
    expect(await page()).toContain('&quot;subject&quot;:&quot;cam-board-1&quot;');
  });

  it('has a page that shows every route and the state, and a health route', async () => {
    await call('POST', '/_local/faults', { service: 'mail', effect: { kind: 'drop' } });
    const page = await (await fetch(`${admin.url}/`)).text();
    for (const { method, path } of [...admin.adminRoutes, ...cloud.iotCore.adminRoutes])
      expect(page).toContain(`<code>${method} ${path}</code>`);
    expect(page).toContain('111122223333 in eu-central-1');
    expect(page).toContain('&quot;service&quot;:&quot;mail&quot;');
    expect(page).toContain('<a href="http://localhost:1">');
    expect(page).toContain('Boards connected: 1');
    expect(page).toContain('2 subscriptions');
    expect((await call('GET', '/_local/health')).json).toEqual({ status: 'ok', services: ['iot-core'] });
  });
});
