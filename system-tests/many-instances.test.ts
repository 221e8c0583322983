import type { ErrorBody } from '@aovis/api-client/api-error';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Customer } from './support/customer.ts';
import { query } from './support/database.ts';
import { RunningSystem } from './support/running-system.ts';

const instanceCount = 4;
const customerCount = 50;
const boardCount = 100;

describe('four instances of the backend on one database', () => {
  let running: RunningSystem;
  let instances: string[];

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: boardCount, backendSettings: { AOVIS_TRUST_PROXY: '1' } });
    const { system } = running;
    const others = [];
    for (let number = 2; number <= instanceCount; number++)
      others.push(await system.startAnotherBackend(number));
    instances = [system.backendUrl, ...others];
  }, 120_000);
  afterAll(async () => {
    await running?.stop();
  });

  it(`give each of ${boardCount} boards to exactly one of ${customerCount} customers who all hold its label`, async () => {
    const { endpoints, databaseUrl } = running.system;
    const names = Array.from({ length: customerCount }, (_, index) => `racer-${index}`);
    const customers = await Promise.all(
      names.map((name, index) => Customer.signIn(endpoints, instanceOf(index), name)),
    );
    const outcomes: Record<string, number> = {};
    for (const { deviceId, activationCode } of running.provisioned) {
      const body = { aovis_device_id: deviceId, activation_code: activationCode };
      const answers = await Promise.all(
        customers.map((customer, index) =>
          customer.at(instanceOf(index)).POST('/api/devices/activate', { body }),
        ),
      );
      const winners = answers.filter(({ response }) => response.status === 200);
      expect({ deviceId, winners: winners.length }).toEqual({ deviceId, winners: 1 });
      for (const { response, ...rest } of answers) {
        const { error } = rest as { error?: ErrorBody };
        const outcome = `${response.status} ${error?.error.code ?? 'activated'}`;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }
    }
    expect(outcomes).toEqual({
      '200 activated': boardCount,
      '403 device_owned_by_another_user': boardCount * (customerCount - 1),
    });

    const [stored] = await query(
      databaseUrl,
      `SELECT (SELECT count(*) FROM device_ownerships WHERE ended_at IS NULL)::int AS ownerships,
                (SELECT count(DISTINCT device_id) FROM device_ownerships)::int AS boards,
                (SELECT count(*) FROM entitlements WHERE source = 'trial')::int AS trials,
                (SELECT count(*) FROM audit_log WHERE action = 'device.activate' AND outcome = 'ok')::int AS audited`,
    );
    expect(stored).toEqual({
      ownerships: boardCount,
      boards: boardCount,
      trials: boardCount,
      audited: boardCount,
    });
    const { stdout } = await running.system.backendCli('audit', 'verify');
    expect(stdout).toMatch(/^ok /);
  }, 180_000);

  it('count the attempts of one address together', async () => {
    const body = { provider: 'google', id_token: 'no token at all' };
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const response = await fetch(`${instanceOf(index)}/api/auth/app-token`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': '192.0.2.77' },
          body: JSON.stringify(body),
        });
        await response.arrayBuffer();
        return response.status;
      }),
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(30);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
  });

  it('end a session at all of them at once', async () => {
    const customer = await Customer.signIn(running.system.endpoints, instanceOf(0), 'leaver');
    const statusAt = async (index: number): Promise<number> =>
      (await customer.at(instanceOf(index)).GET('/api/devices')).response.status;
    expect(await Promise.all([0, 1, 2, 3].map(statusAt))).toEqual([200, 200, 200, 200]);
    await customer.at(instanceOf(1)).DELETE('/api/auth/app-token');
    expect(await Promise.all([0, 1, 2, 3].map(statusAt))).toEqual([401, 401, 401, 401]);
  });

  function instanceOf(index: number): string {
    return instances[index % instances.length] as string;
  }
});
