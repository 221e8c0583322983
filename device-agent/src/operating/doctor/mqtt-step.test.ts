import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MqttClient } from 'mqtt';
import { agentFilters } from '../../iot/agent-topics.ts';
import type { IotEndpoint } from '../../iot/iot-connection.ts';
import { TestBroker } from '../../iot/testing/test-broker.ts';
import { tlsOptions } from '../../iot/tls-options.ts';
import { TestCa } from '../../testing/test-pki.ts';
import { connectPacket, subscribePacket, takePacket } from './mqtt-packets.ts';
import { lookAtMqtt } from './mqtt-step.ts';

const clientId = 'aovis-n4k-000123';
const filters = agentFilters(clientId);
const commands = `aovis/${clientId}/command`;

describe('packets', () => {
  it('CONNECT and SUBSCRIBE as the standard writes them', () => {
    expect(connectPacket('a', 45).toString('hex')).toBe('100d00044d5154540400002d000161');
    expect(subscribePacket(10, ['a/b', 'c/d']).toString('hex')).toBe('820e000a0003612f62010003632f6401');
  });

  it('lengths over one byte', () => {
    const long = subscribePacket(1, ['x'.repeat(200)]);
    expect(long.subarray(0, 3).toString('hex')).toBe('82cd01');
    expect(takePacket(long)).toEqual({
      packet: { type: 8, body: long.subarray(3) },
      rest: Buffer.alloc(0),
    });
    for (let cut = 0; cut < long.length; cut++) expect(takePacket(long.subarray(0, cut))).toBeUndefined();
    expect(() => takePacket(Buffer.from('20ffffffff01', 'hex'))).toThrow('more than 4 bytes');
  });
});

describe('the probe', () => {
  let ca: TestCa;
  let broker: TestBroker;
  let endpoint: IotEndpoint;

  beforeEach(async () => {
    ca = await TestCa.create();
    broker = await TestBroker.start(ca);
    const { certificate, privateKey } = await ca.issueClient({ commonName: clientId });
    endpoint = {
      host: 'localhost',
      port: broker.port,
      clientId,
      certificate,
      privateKey,
      rootCa: ca.certificate,
      keepAliveSeconds: 45,
      will: { topic: 'x', payload: '' },
    };
  });

  afterEach(() => broker.kill());

  /** The board's own client; answers once it is subscribed to its commands. */
  async function board(): Promise<MqttClient> {
    const client = new MqttClient(() => connect(tlsOptions(endpoint)), {
      clientId,
      clean: false,
      protocolVersion: 4,
      reconnectPeriod: 0,
    });
    await client.subscribeAsync(commands, { qos: 1 });
    return client;
  }

  it('is accepted with all subscriptions of the agent, and leaves', async () => {
    expect((await lookAtMqtt(endpoint, filters, undefined)).detail).toContain(
      `${filters.length} subscriptions`,
    );
    expect(broker.subscribed.flat().sort()).toEqual([...filters].sort());
    await broker.until(({ connectedClients }) => connectedClients === 0);
    expect(broker.received).toEqual([]);
  });

  it('leaves what waits for the agent to the agent', async () => {
    await (await board()).endAsync();
    await broker.until(({ connectedClients }) => connectedClients === 0);
    broker.send(commands, 'for the agent');
    await lookAtMqtt(endpoint, filters, undefined);
    await broker.until(({ connectedClients }) => connectedClients === 0);

    const client = new MqttClient(() => connect(tlsOptions(endpoint)), {
      clientId,
      clean: false,
      protocolVersion: 4,
      reconnectPeriod: 0,
    });
    const payload = await new Promise<string>((resolve) => {
      client.once('message', (_topic, bytes) => resolve(bytes.toString()));
    });
    expect(payload).toBe('for the agent');
    await client.endAsync();
  });

  it('explains a certificate that is not accepted', async () => {
    broker.revoke(endpoint.certificate);
    await expect(lookAtMqtt(endpoint, filters, undefined)).rejects.toThrow('registered and ACTIVE');
  });

  it('explains a CONNECT that is refused', async () => {
    broker.refusals = 1;
    await expect(lookAtMqtt(endpoint, filters, undefined)).rejects.toThrow('the service is not available');
  });

  it('names the subscription that is not allowed', async () => {
    broker.forbid(commands);
    await expect(lookAtMqtt(endpoint, filters, undefined)).rejects.toThrow(commands);
  });
});
