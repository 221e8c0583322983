import {
  CreateSignalingChannelCommand,
  DeleteSignalingChannelCommand,
  DescribeSignalingChannelCommand,
  GetSignalingChannelEndpointCommand,
  InvalidArgumentException,
  ListSignalingChannelsCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  TagsPerResourceExceededLimitException,
  UpdateSignalingChannelCommand,
  VersionMismatchException,
} from '@aws-sdk/client-kinesis-video';
import {
  GetIceServerConfigCommand,
  ResourceNotFoundException as IceChannelNotFound,
} from '@aws-sdk/client-kinesis-video-signaling';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SignalingCloud } from './testing/signaling-cloud.ts';

const ChannelName = 'aovis-webrtc-aovis-n4k-000001';
let cloud: SignalingCloud;

beforeEach(async () => {
  cloud = await SignalingCloud.start();
});
afterEach(() => cloud.stop());

describe('the control plane, called by the AWS SDK', () => {
  it('creates, describes, updates and deletes a channel', async () => {
    const ChannelARN = await cloud.createChannel(ChannelName, 30);
    expect(ChannelARN).toMatch(
      /^arn:aws:kinesisvideo:eu-central-1:111122223333:channel\/aovis-webrtc-aovis-n4k-000001\/\d{13}$/,
    );
    const byName = await cloud.control.send(new DescribeSignalingChannelCommand({ ChannelName }));
    const info = byName.ChannelInfo;
    expect(info).toMatchObject({
      ChannelName,
      ChannelARN,
      ChannelType: 'SINGLE_MASTER',
      ChannelStatus: 'ACTIVE',
      SingleMasterConfiguration: { MessageTtlSeconds: 30 },
    });
    expect(Math.abs((info?.CreationTime?.getTime() ?? 0) - Date.now())).toBeLessThan(10_000);

    const CurrentVersion = info?.Version ?? '';
    await cloud.control.send(
      new UpdateSignalingChannelCommand({
        ChannelARN,
        CurrentVersion,
        SingleMasterConfiguration: { MessageTtlSeconds: 120 },
      }),
    );
    const byArn = await cloud.control.send(new DescribeSignalingChannelCommand({ ChannelARN }));
    expect(byArn.ChannelInfo?.SingleMasterConfiguration).toEqual({ MessageTtlSeconds: 120 });
    expect(byArn.ChannelInfo?.Version).not.toBe(CurrentVersion);
    await expect(
      cloud.control.send(new DeleteSignalingChannelCommand({ ChannelARN, CurrentVersion })),
    ).rejects.toThrow(VersionMismatchException);

    await cloud.control.send(new DeleteSignalingChannelCommand({ ChannelARN }));
    await expect(
      cloud.control.send(new DescribeSignalingChannelCommand({ ChannelName })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException', $metadata: { httpStatusCode: 404 } });
  });

  it('refuses a name that is taken, what is no name, other types and too many tags', async () => {
    await cloud.createChannel(ChannelName);
    await expect(cloud.createChannel(ChannelName)).rejects.toThrow(ResourceInUseException);
    await expect(cloud.createChannel('no blanks')).rejects.toThrow(InvalidArgumentException);
    await expect(cloud.createChannel('other', 4)).rejects.toThrow(InvalidArgumentException);
    const fullMesh = new CreateSignalingChannelCommand({ ChannelName: 'mesh', ChannelType: 'FULL_MESH' });
    await expect(cloud.control.send(fullMesh)).rejects.toThrow(InvalidArgumentException);
    const Tags = Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: '' }));
    const tagged = new CreateSignalingChannelCommand({ ChannelName: 'tagged', Tags });
    await expect(cloud.control.send(tagged)).rejects.toThrow(TagsPerResourceExceededLimitException);
  });

  it('lists by prefix, in pages', async () => {
    for (const name of ['b-2', 'a-1', 'b-1', 'b-3']) await cloud.createChannel(name);
    const ChannelNameCondition = { ComparisonOperator: 'BEGINS_WITH', ComparisonValue: 'b-' } as const;
    const list = (NextToken?: string) =>
      cloud.control.send(
        new ListSignalingChannelsCommand({ ChannelNameCondition, MaxResults: 2, NextToken }),
      );
    const first = await list();
    expect(first.ChannelInfoList?.map((channel) => channel.ChannelName)).toEqual(['b-1', 'b-2']);
    const second = await list(first.NextToken);
    expect(second.ChannelInfoList?.map((channel) => channel.ChannelName)).toEqual(['b-3']);
    expect(second.NextToken).toBeUndefined();
  });

  it('names an endpoint for each protocol that is asked for', async () => {
    const ChannelARN = await cloud.createChannel(ChannelName);
    const { port } = cloud.signaling;
    const answer = await cloud.control.send(
      new GetSignalingChannelEndpointCommand({
        ChannelARN,
        SingleMasterChannelEndpointConfiguration: { Protocols: ['WSS', 'HTTPS'], Role: 'VIEWER' },
      }),
    );
    expect(answer.ResourceEndpointList).toEqual([
      { Protocol: 'WSS', ResourceEndpoint: `ws://127.0.0.1:${port}` },
      { Protocol: 'HTTPS', ResourceEndpoint: `http://127.0.0.1:${port}` },
    ]);
    const webrtc = new GetSignalingChannelEndpointCommand({
      ChannelARN,
      SingleMasterChannelEndpointConfiguration: { Protocols: ['WEBRTC'] },
    });
    await expect(cloud.control.send(webrtc)).rejects.toThrow(InvalidArgumentException);
    const gone = new GetSignalingChannelEndpointCommand({ ChannelARN: `${ChannelARN}0` });
    await expect(cloud.control.send(gone)).rejects.toThrow(ResourceNotFoundException);
  });

  it("holds a board's credentials to its own channel", async () => {
    await cloud.createChannel(ChannelName);
    await cloud.createChannel('aovis-webrtc-aovis-n4k-000002');
    const board = cloud.controlOf(cloud.boardKey('aovis-n4k-000001'));
    const describeChannel = (name: string) =>
      board.send(new DescribeSignalingChannelCommand({ ChannelName: name }));
    expect((await describeChannel(ChannelName)).ChannelInfo?.ChannelName).toBe(ChannelName);
    for (const other of ['aovis-webrtc-aovis-n4k-000002', 'not-there'])
      await expect(describeChannel(other)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    board.destroy();
  });

  it('takes five descriptions of a channel a second', async () => {
    await cloud.createChannel(ChannelName);
    const now = Date.now();
    cloud.environment.clock.now = () => now;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, () =>
        cloud.control.send(new DescribeSignalingChannelCommand({ ChannelName })),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  });
});

describe('GetIceServerConfig', () => {
  it('gives a relay with credentials for five minutes, different for each client', async () => {
    const ChannelARN = await cloud.createChannel(ChannelName);
    const client = await cloud.signalingClient(ChannelARN);
    const ask = async (ClientId: string) => {
      const answer = await client.send(
        new GetIceServerConfigCommand({ ChannelARN, ClientId, Service: 'TURN' }),
      );
      return answer.IceServerList?.[0];
    };
    const server = await ask('viewer-1');
    expect(server?.Uris).toEqual([expect.stringMatching(/^turn:127\.0\.0\.1:\d+\?transport=udp$/)]);
    expect(server?.Ttl).toBe(300);
    const expiresAt = Number(server?.Username?.split(':')[0]);
    expect(Math.abs(expiresAt - Date.now() / 1000 - 300)).toBeLessThan(10);
    expect(server?.Password).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect((await ask('viewer-2'))?.Password).not.toBe(server?.Password);
  });

  it('refuses a channel that is not there and a client id of AWS', async () => {
    const ChannelARN = await cloud.createChannel(ChannelName);
    const client = await cloud.signalingClient(ChannelARN);
    const gone = new GetIceServerConfigCommand({ ChannelARN: `${ChannelARN}0` });
    await expect(client.send(gone)).rejects.toThrow(IceChannelNotFound);
    const reserved = new GetIceServerConfigCommand({ ChannelARN, ClientId: 'aws_1' });
    await expect(client.send(reserved)).rejects.toMatchObject({ name: 'InvalidArgumentException' });
  });

  it('can be made to fail', async () => {
    const ChannelARN = await cloud.createChannel(ChannelName);
    const client = await cloud.signalingClient(ChannelARN);
    cloud.environment.faults.add({
      service: 'kinesis-signaling',
      operation: 'GetIceServerConfig',
      effect: { kind: 'error', status: 400, code: 'SessionExpiredException', message: 'expired' },
      times: 1,
    });
    const ask = () => client.send(new GetIceServerConfigCommand({ ChannelARN }));
    await expect(ask()).rejects.toMatchObject({ name: 'SessionExpiredException' });
    expect((await ask()).IceServerList).toHaveLength(1);
  });
});
