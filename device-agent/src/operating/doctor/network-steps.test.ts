import { describe, expect, it } from '@jest/globals';
import { type Host, lookAtDns } from './network-steps.ts';

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
