import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { quotas as defaults } from '../cloud/iot-registry.ts';
import { FactoryFixture } from '../testing/factory-fixture.ts';
import { FakeServiceQuotas } from '../testing/fake-service-quotas.ts';
import { startLocalCloud } from '../testing/local-cloud.ts';

interface Plan {
  seconds_at_least: number;
  calls: { operation: string; calls_per_second: number; quota_from: string }[];
  quotas_unread?: string;
}

describe("the account's quotas", () => {
  let factory: FactoryFixture;
  let service: FakeServiceQuotas;

  beforeEach(async () => {
    service = new FakeServiceQuotas();
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
    factory.env['AOVIS_SERVICE_QUOTAS_URL'] = await service.start();
    for (const name of Object.keys(factory.env)) if (name.startsWith('AOVIS_TPS_')) delete factory.env[name];
  });

  afterEach(async () => {
    await factory.stop();
    await service.stop();
  });

  async function plan(...flags: string[]): Promise<Plan & { rate: (operation: string) => unknown }> {
    const csv = await factory.writeBoards('boards.csv', 100);
    const { stdout } = await factory.succeed('batch', 'plan', csv, '--json', ...flags);
    const found = JSON.parse(stdout) as Plan;
    const rate = (operation: string) => {
      const call = found.calls.find((each) => each.operation === operation);
      return call && [call.calls_per_second, call.quota_from];
    };
    return { ...found, rate };
  }

  async function quotaCheck(...flags: string[]): Promise<unknown> {
    const { stdout } = await factory.cli('doctor', '--json', ...flags);
    const { checks } = JSON.parse(stdout) as { checks: { name: string }[] };
    return checks.find(({ name }) => name === 'quotas');
  }

  it('are read from every page of Service Quotas; settings outweigh them, defaults fill up', async () => {
    service.rates.set('RegisterCertificate', 25).set('AttachPolicy', 40).set('UpdateCertificate', 20);
    const found = await plan('--tps-update-certificate', '50');
    expect(found.rate('RegisterCertificate')).toEqual([25, 'account']);
    expect(found.rate('AttachPolicy')).toEqual([40, 'account']);
    expect(found.rate('UpdateCertificate')).toEqual([50, 'setting']);
    expect(found.rate('CreateThing')).toEqual([100, 'default']);
    expect(found.seconds_at_least).toBe(4);
    expect(found.quotas_unread).toBeUndefined();
    expect(service.calls).toBe(2);
    expect(await quotaCheck()).toMatchObject({
      result: 'ok',
      says: expect.stringMatching(/RegisterCertificate 25\/s \(account\).*: 1,000 boards in 50 s$/),
    });
    const { stdout } = await factory.succeed('batch', 'plan', join(factory.directory, 'boards.csv'));
    expect(stdout).toMatch(/RegisterCertificate +100 +25\/s +account +4 s/);
    expect(stdout).toMatch(/CreateThing +100 +100\/s +AWS's default +1 s/);
  });

  it('of certificates registered without a CA have a name of their own', async () => {
    service.rates.set('RegisterCertificate', 25).set('RegisterCertificateWithoutCA', 30);
    const found = await plan('--certificate-registration', 'without-ca');
    expect(found.rate('RegisterCertificate')).toEqual([30, 'account']);
  });

  it.each([
    [
      'are not shown',
      { status: 400, code: 'AccessDeniedException' },
      'allow servicequotas:ListServiceQuotas',
    ],
    ['fail', { status: 500, code: 'ServiceException' }, 'Service Quotas does not answer'],
    ['do not come', 'hang', 'Service Quotas does not answer'],
  ] as const)("that %s leave AWS's defaults, and a sentence", async (_, refusal, sentence) => {
    service.refusal = refusal;
    const found = await plan('--request-timeout-ms', '200');
    expect(found.rate('RegisterCertificate')).toEqual([10, 'default']);
    expect(found.quotas_unread).toContain(sentence);
    expect(await quotaCheck('--request-timeout-ms', '200')).toMatchObject({
      result: 'warning',
      says: expect.stringContaining(sentence),
    });
    const csv = await factory.writeBoards('few.csv', 2);
    expect(await factory.runBatch(csv, '--request-timeout-ms', '200')).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining(sentence),
    });
  });

  it('are not asked of AWS when its IoT endpoint is another one', async () => {
    delete factory.env['AOVIS_SERVICE_QUOTAS_URL'];
    expect((await plan()).quotas_unread).toContain('service_quotas_url');
    expect(await quotaCheck()).toMatchObject({ result: 'ok' });
    expect(service.calls).toBe(0);
  });

  it('set the pace of a run', async () => {
    service.rates.set('RegisterCertificate', 4);
    expect(await factory.runBatch(await factory.writeBoards('boards.csv', 6))).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    const registered = factory.iot.calls.filter(({ operation }) => operation === 'RegisterCertificate');
    const [first, last] = [registered[0], registered.at(-1)];
    // Two may go at once, then one each quarter of a second; by default all of them would go within one tenth.
    expect((last?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(900);
  });

  it('are those that local-cloud throttles by', async () => {
    const cloud = await startLocalCloud();
    try {
      Object.assign(process.env, cloud.credentials);
      factory.env['AOVIS_SERVICE_QUOTAS_URL'] = cloud.serviceQuotasUrl;
      const found = await plan('--region', cloud.region);
      expect(found.calls.map(({ operation, quota_from }) => [operation, quota_from])).toEqual(
        found.calls.map(({ operation }) => [operation, 'account']),
      );
      expect(found.rate('AttachPolicy')).toEqual([15, 'account']);
      expect(found.rate('RegisterCertificate')).toEqual([10, 'account']);
    } finally {
      await cloud.stop();
    }
  }, 30_000);
});

describe('the least permissions in the README', () => {
  it('cover every call that has a quota, and the reading of quotas', () => {
    const readme = readFileSync(join(import.meta.dirname ?? __dirname, '../../README.md'), 'utf8');
    const [, policy = ''] = /## Least permissions[^]*?```json\n([^]*?)```/.exec(readme) ?? [];
    const { Statement } = JSON.parse(policy) as { Statement: { Action: string[]; Resource: unknown }[] };
    const actions = new Set(Statement.flatMap(({ Action }) => Action));
    // Named below the policy: only where boards join a thing group.
    const further = new Set(['AddThingToThingGroup']);
    const missing = Object.keys(defaults).filter((name) => !actions.has(`iot:${name}`) && !further.has(name));
    expect(missing).toEqual([]);
    expect(Statement.find(({ Action }) => Action.includes('servicequotas:ListServiceQuotas'))).toMatchObject({
      Resource: '*',
    });
  });
});
