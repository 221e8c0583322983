import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { commandTopic, eventTopic, shadowTopicPrefix } from '@aovis/contracts/topics';
import { signRequest } from '@aovis/device-agent/streaming/request-signer';
import { untilPersisted, waitFor } from '@aovis/simulator/wait-for';
import { UpdateCertificateCommand } from '@aws-sdk/client-iot';
import {
  DescribeStreamCommand,
  GetDataEndpointCommand,
  KinesisVideoClient,
} from '@aws-sdk/client-kinesis-video';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { untilStatus } from './support/agent-status.ts';
import { BoardIdentity } from './support/board-client.ts';
import { CloudClients } from './support/cloud-clients.ts';
import { RunningSystem } from './support/running-system.ts';

describe('what one board can do to another', () => {
  let running: RunningSystem;
  let cloud: CloudClients;
  let own: BoardIdentity;
  let other: BoardIdentity;
  let ownId: string;
  let otherId: string;

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 2 });
    own = new BoardIdentity(running.provisionedBoard(0));
    other = new BoardIdentity(running.provisionedBoard(1));
    ownId = own.descriptor.device_id;
    otherId = other.descriptor.device_id;
    cloud = new CloudClients(running.system.endpoints);
    // The backend makes the streams soon after it got the manifest.
    for (const { descriptor } of [own, other])
      await waitFor(descriptor.stream, () =>
        cloud.video.send(new DescribeStreamCommand({ StreamName: descriptor.stream })),
      );
  });

  afterAll(async () => {
    cloud?.close();
    await running?.stop();
  });

  describe('with its credentials', () => {
    let keys: { accessKeyId: string; secretAccessKey: string; sessionToken: string };

    beforeAll(async () => {
      const { credentials } = await own.credentials();
      if (credentials === undefined) throw new Error('The board gets no credentials for itself.');
      const { accessKeyId, secretAccessKey, sessionToken } = credentials;
      keys = { accessKeyId, secretAccessKey, sessionToken };
    });

    it('gets none in the other’s name', async () => {
      const { status, credentials } = await own.credentials(otherId);
      expect({ status, credentials }).toEqual({ status: 403, credentials: undefined });
    });

    async function dataEndpoint(streamName: string): Promise<string> {
      const { region, kinesisVideoUrl: endpoint } = running.system.endpoints;
      const client = new KinesisVideoClient({ region, endpoint, credentials: keys });
      try {
        await client.send(new GetDataEndpointCommand({ StreamName: streamName, APIName: 'PUT_MEDIA' }));
        return 'allowed';
      } catch (error) {
        return (error as Error).name;
      } finally {
        client.destroy();
      }
    }

    it('finds the way to its own stream, not to the other’s', async () => {
      expect(await dataEndpoint(own.descriptor.stream)).toBe('allowed');
      expect(await dataEndpoint(other.descriptor.stream)).toBe('AccessDeniedException');
    });

    async function putMedia(streamName: string): Promise<{ status: number | undefined; answer: string }> {
      const { region, kinesisVideoUrl } = running.system.endpoints;
      const url = new URL('/putMedia', kinesisVideoUrl);
      const headers = signRequest({
        url,
        region,
        date: new Date(),
        credentials: { ...keys, expiresAt: new Date(Date.now() + 60_000) },
        headers: {
          'x-amzn-stream-name': streamName,
          'x-amzn-producer-start-timestamp': (Date.now() / 1000).toFixed(3),
          'x-amzn-fragment-timecode-type': 'ABSOLUTE',
          'x-amzn-fragment-acknowledgment-required': '1',
        },
      });
      const call = request(url, { method: 'POST', headers, agent: false });
      call.end();
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      return { status: response.statusCode, answer: await text(response) };
    }

    it('puts media into its own stream, not into the other’s', async () => {
      expect((await putMedia(own.descriptor.stream)).status).toBe(200);
      const refused = await putMedia(other.descriptor.stream);
      expect(refused.status).toBe(403);
      expect(refused.answer).toContain('not authorized');
    });
  });

  describe('with its certificate', () => {
    it('cannot connect as the other, nor under a name of its own choosing', async () => {
      await expect(own.connect(otherId)).rejects.toThrow();
      await expect(own.connect('aovis-backend')).rejects.toThrow();
    });

    it('may speak and listen on its own topics', async () => {
      const client = await own.connect();
      const [granted] = await client.subscribeAsync(commandTopic(ownId), { qos: 1 });
      await client.publishAsync(`${shadowTopicPrefix(ownId)}/get`, '', { qos: 1 });
      await client.endAsync();
      expect(granted?.qos).toBe(1);
    });

    it.each([
      ['its events', () => eventTopic(otherId)],
      ['its shadow', () => `${shadowTopicPrefix(otherId)}/update`],
      ['its desired configuration', () => `${shadowTopicPrefix(otherId, 'config')}/update`],
      ['commands to it', () => commandTopic(otherId)],
    ])('is thrown out for publishing %s', async (_what, topic) => {
      const client = await own.connect();
      const closed = untilClosed(client);
      // Its acknowledgement never comes.
      client.publish(topic(), '{"state":{"desired":{"log_level":"debug"}}}', { qos: 1 }, () => {});
      await closed;
      await client.endAsync(true);
    });

    it.each([
      ['commands to it', () => commandTopic(otherId)],
      ['its shadow', () => `${shadowTopicPrefix(otherId)}/update/accepted`],
      ['everybody’s events', () => 'aovis/+/event'],
      ['everything', () => '#'],
    ])('is thrown out for listening to %s', async (_what, filter) => {
      const client = await own.connect();
      const closed = untilClosed(client);
      client.subscribe(filter(), { qos: 1 }, () => {});
      await closed;
      await client.endAsync(true);
    });

    it('has changed nothing of the other', async () => {
      const client = await other.connect();
      const answers = [
        `${shadowTopicPrefix(otherId, 'config')}/get/accepted`,
        `${shadowTopicPrefix(otherId, 'config')}/get/rejected`,
      ];
      await client.subscribeAsync(answers, { qos: 1 });
      const answer = new Promise<[topic: string, payload: Buffer]>((resolve) => {
        client.once('message', (topic, payload) => resolve([topic, payload]));
      });
      await client.publishAsync(`${shadowTopicPrefix(otherId, 'config')}/get`, '', { qos: 1 });
      const [topic, payload] = await answer;
      await client.endAsync();
      expect(topic).toBe(answers[1]);
      expect(JSON.parse(payload.toString())).toMatchObject({ code: 404 });
    });
  });

  describe('and its certificate when it is switched off', () => {
    const bearableMs = 5_000;

    it('connects no more, within seconds, and the agent’s status says why', async () => {
      const board = running.board(0);
      board.start();
      await untilPersisted(board);
      const { certificate } = await untilStatus(
        running,
        ownId,
        'up',
        ({ connection }) => connection.state === 'connected',
      );

      await cloud.iot.send(
        new UpdateCertificateCommand({ certificateId: certificate.id, newStatus: 'INACTIVE' }),
      );
      const startedAt = performance.now();
      await untilStatus(running, ownId, 'thrown out', ({ connection }) => connection.state !== 'connected');
      expect(performance.now() - startedAt).toBeLessThan(bearableMs);

      const { connection } = await untilStatus(running, ownId, 'knows why', ({ problems }) =>
        problems.some(({ sentence }) => sentence.includes('certificate')),
      );
      expect(connection.detail).toContain('ACTIVE');
      expect(await board.screen()).toContain(connection.detail);
      await expect(own.connect()).rejects.toThrow();
      await expect(own.credentials()).rejects.toThrow();
    });
  });
});

const untilClosed = (client: MqttClient): Promise<void> =>
  new Promise((resolve) => {
    client.once('close', resolve);
  });
