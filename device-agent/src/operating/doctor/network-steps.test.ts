import { describe, expect, it } from '@jest/globals';
import { type Host, lookAtDns, lookAtTcp } from './network-steps.ts';

const hosts: Host[] = [
  { from: 'endpoints.iot', host: 'iot.example', port: 8883 },
  { from: 'endpoints.credentials', host: 'credentials.example', port: 443 },
];
const unknown = (): Promise<never> => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));

describe('names', () => {
  it('are told with their addresses', async () => {
    const { detail } = await lookAtDns(hosts, async (host) => ({ address: `${host.length}.0.0.1` }));
    expect(detail).toBe('iot.example is 11.0.0.1, credentials.example is 19.0.0.1');
  });

  it('one that is wrong is its line in device.json', async () => {
    const resolve = (host: string): Promise<{ address: string }> =>
      host === 'iot.example' ? Promise.resolve({ address: '192.0.2.1' }) : unknown();
    await expect(lookAtDns(hosts, resolve)).rejects.toThrow(
      'The name credentials.example cannot be resolved while others can: correct endpoints.credentials',
    );
  });

  it('all of them are the uplink or its DNS', async () => {
    await expect(lookAtDns(hosts, unknown)).rejects.toThrow(
      'No name can be resolved (iot.example: ENOTFOUND)',
    );
  });

  it('addresses need no DNS', async () => {
    const only: Host[] = [{ from: 'endpoints.iot', host: '192.0.2.1', port: 8883 }];
    expect((await lookAtDns(only, unknown)).detail).toBe('there are no names to resolve');
  });
});

describe('TCP', () => {
  const [mqtt] = hosts as [Host];
  const open =
    (...ports: number[]) =>
    async (_host: string, port: number): Promise<string | undefined> =>
      ports.includes(port) ? undefined : 'ETIMEDOUT';

  it('reaches all of them', async () => {
    const { detail } = await lookAtTcp(hosts, mqtt, open(8883, 443));
    expect(detail).toBe('iot.example:8883, credentials.example:443 answer');
  });

  it('a network that blocks the port of MQTT alone has a way round', async () => {
    await expect(lookAtTcp(hosts, mqtt, open(443))).rejects.toThrow(
      'iot.example:8883 cannot be reached (ETIMEDOUT): the network blocks this port, but not 443: write iot.example:443 as',
    );
  });

  it('one that lets nothing out has none', async () => {
    await expect(lookAtTcp(hosts, mqtt, open())).rejects.toThrow('no firewall blocks outgoing connections');
    await expect(lookAtTcp(hosts, mqtt, open(8883))).rejects.toThrow(
      'credentials.example:443 cannot be reached (ETIMEDOUT): check the uplink',
    );
  });
});
