import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreatePolicyCommand,
  CreateRoleAliasCommand,
  CreateThingCommand,
  IoTClient,
  RegisterCACertificateCommand,
  RegisterCertificateCommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot';
import {
  CreateSignalingChannelCommand,
  CreateStreamCommand,
  GetDataEndpointCommand,
  GetSignalingChannelEndpointCommand,
  KinesisVideoClient,
} from '@aws-sdk/client-kinesis-video';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connectAsync } from 'mqtt';
import { composeLocalCloud, type LocalCloud } from './compose.ts';
import { loadConfig } from './config.ts';
import { FactoryCa } from './iot-core/testing/factory-ca.ts';
import { SignalingPeer, signedUrl } from './kinesis-signaling/testing/signaling-peer.ts';

const thing = 'aovis-n4k-000001';
const account = 'us-east-1:123456789012';

describe('all parts together, used by strangers', () => {
  let directory: string;
  let cloud: LocalCloud;
  let iot: IoTClient;
  const videoClients: KinesisVideoClient[] = [];
  let board: { certificatePem: string; keyPem: string };
  let certificateId: string;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'compose-'));
    cloud = await composeLocalCloud(
      loadConfig({ LOCAL_CLOUD_DIR: directory, LOCAL_CLOUD_LOG_LEVEL: 'silent' }),
    );
    await cloud.start();
    const { iot: at, accessKeyId, secretAccessKey, region } = cloud.endpoints();
    iot = new IoTClient({ region, endpoint: at.controlUrl, credentials: { accessKeyId, secretAccessKey } });
    await provision();
  });
  afterEach(async () => {
    iot.destroy();
    for (const client of videoClients.splice(0)) client.destroy();
    await cloud.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** What the factory does, call by call. */
  async function provision(): Promise<void> {
    const ca = await FactoryCa.create();
    board = await ca.issue(thing);
    await iot.send(
      new RegisterCACertificateCommand({
        caCertificate: ca.pem,
        certificateMode: 'SNI_ONLY',
        setAsActive: true,
      }),
    );
    const registered = await iot.send(
      new RegisterCertificateCommand({ certificatePem: board.certificatePem, status: 'ACTIVE' }),
    );
    certificateId = registered.certificateId ?? '';
    const principal = registered.certificateArn;
    await iot.send(new CreateThingCommand({ thingName: thing }));
    await iot.send(new AttachThingPrincipalCommand({ thingName: thing, principal }));
    const policyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'iot:Connect',
          Resource: `arn:aws:iot:${account}:client/\${iot:Connection.Thing.ThingName}`,
        },
        {
          Effect: 'Allow',
          Action: 'iot:AssumeRoleWithCertificate',
          Resource: `arn:aws:iot:${account}:rolealias/video`,
        },
      ],
    });
    await iot.send(new CreatePolicyCommand({ policyName: 'board', policyDocument }));
    await iot.send(new AttachPolicyCommand({ policyName: 'board', target: principal }));
    await admin('PUT', '/_local/roles/video', {
      policyDocument: {
        Statement: [
          {
            Effect: 'Allow',
            Action: 'kinesisvideo:GetDataEndpoint',
            Resource: `arn:aws:kinesisvideo:${account}:stream/aovis-stream-\${credentials-iot:ThingName}/*`,
          },
          {
            Effect: 'Allow',
            Action: 'kinesisvideo:ConnectAsMaster',
            Resource: `arn:aws:kinesisvideo:${account}:channel/aovis-webrtc-\${credentials-iot:ThingName}/*`,
          },
        ],
      },
    });
    const roleArn = 'arn:aws:iam::123456789012:role/video';
    await iot.send(new CreateRoleAliasCommand({ roleAlias: 'video', roleArn }));
  }

  async function admin(method: string, path: string, body?: unknown): Promise<void> {
    const response = await fetch(`${cloud.endpoints().iot.adminUrl}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    await response.text();
    expect(response.ok).toBe(true);
  }

  async function credentials(): Promise<{
    accessKeyId: string;
    secretAccessKey: string;
    sessionToken: string;
  }> {
    const { iot: at, rootCaPath } = cloud.endpoints();
    const call = request({
      host: at.credentialsHost,
      port: at.credentialsPort,
      path: '/role-aliases/video/credentials',
      headers: { 'x-amzn-iot-thingname': thing },
      ca: readFileSync(rootCaPath),
      cert: board.certificatePem,
      key: board.keyPem,
      agent: false,
    }).end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const { credentials: given } = (await json(response)) as {
      credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string };
    };
    const { accessKeyId, secretAccessKey, sessionToken } = given;
    return { accessKeyId, secretAccessKey, sessionToken };
  }

  function video(key: { accessKeyId: string; secretAccessKey: string }): KinesisVideoClient {
    const { region, kinesisVideoUrl } = cloud.endpoints();
    const client = new KinesisVideoClient({
      region,
      endpoint: kinesisVideoUrl,
      credentials: key,
      maxAttempts: 1,
    });
    videoClients.push(client);
    return client;
  }

  it("a board's credentials open its own stream and no other", async () => {
    const owner = video(cloud.endpoints());
    for (const StreamName of [`aovis-stream-${thing}`, 'aovis-stream-aovis-n4k-000002'])
      await owner.send(new CreateStreamCommand({ StreamName, DataRetentionInHours: 24 }));
    const own = video(await credentials());
    const endpointOf = (StreamName: string) =>
      own.send(new GetDataEndpointCommand({ StreamName, APIName: 'PUT_MEDIA' }));
    expect((await endpointOf(`aovis-stream-${thing}`)).DataEndpoint).toMatch(/^http/);
    await expect(endpointOf('aovis-stream-aovis-n4k-000002')).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    await admin('POST', '/_local/credentials/expire');
    await expect(endpointOf(`aovis-stream-${thing}`)).rejects.toMatchObject({
      name: 'ExpiredTokenException',
    });
  });

  it("a board's credentials make it the master of its own channel and of no other", async () => {
    const owner = video(cloud.endpoints());
    const key = await credentials();
    const connect = async (ChannelName: string): Promise<SignalingPeer> => {
      const { ChannelARN } = await owner.send(new CreateSignalingChannelCommand({ ChannelName }));
      const { ResourceEndpointList } = await owner.send(
        new GetSignalingChannelEndpointCommand({
          ChannelARN,
          SingleMasterChannelEndpointConfiguration: { Protocols: ['WSS'], Role: 'MASTER' },
        }),
      );
      const endpoint = ResourceEndpointList?.[0]?.ResourceEndpoint ?? '';
      const { region } = cloud.endpoints();
      return SignalingPeer.open(await signedUrl({ endpoint, region, channelArn: ChannelARN ?? '', key }));
    };
    await (await connect(`aovis-webrtc-${thing}`)).close();
    await expect(connect('aovis-webrtc-aovis-n4k-000002')).rejects.toThrow('403 AccessDeniedException');
  });

  it('a model answers the owner', async () => {
    const { region, bedrockUrl, accessKeyId, secretAccessKey } = cloud.endpoints();
    const model = new BedrockRuntimeClient({
      region,
      endpoint: bedrockUrl,
      credentials: { accessKeyId, secretAccessKey },
    });
    const messages = [{ role: 'user' as const, content: [{ text: 'Hello' }] }];
    const answer = await model.send(new ConverseCommand({ modelId: 'us.amazon.nova-lite-v1:0', messages }));
    model.destroy();
    expect(answer.stopReason).toBe('end_turn');
  });

  it('a board connects by its certificate, and is gone when that is revoked or everything is reset', async () => {
    const { iot: at, rootCaPath } = cloud.endpoints();
    const connect = () =>
      connectAsync({
        protocol: 'mqtts',
        host: at.mqttHost,
        port: at.mqttPort,
        clientId: thing,
        ca: readFileSync(rootCaPath),
        cert: board.certificatePem,
        key: board.keyPem,
        reconnectPeriod: 0,
      });
    for (const end of [
      () => iot.send(new UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' })),
      () => admin('POST', '/_local/reset'),
    ]) {
      await iot.send(new UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' }));
      const client = await connect();
      const closed = new Promise<void>((resolve) => {
        client.once('close', resolve);
      });
      await end();
      await closed;
      await client.endAsync(true);
    }
  });
});
