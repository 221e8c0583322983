import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  GetDataEndpointCommand,
  InvalidArgumentException,
  InvalidResourceFormatException,
  KinesisVideoClient,
  ListStreamsCommand,
  ListTagsForStreamCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  type StreamInfo,
  TagStreamCommand,
  TagsPerResourceExceededLimitException,
  UntagStreamCommand,
  UpdateDataRetentionCommand,
  UpdateStreamCommand,
  VersionMismatchException,
} from '@aws-sdk/client-kinesis-video';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { accountKey, type Harness, region, startKinesisVideo } from './testing/harness.ts';

const StreamName = 'AOVIS-0001';
let harness: Harness;
let client: KinesisVideoClient;

const connect = (endpoint = harness.service.url): KinesisVideoClient =>
  new KinesisVideoClient({ region, endpoint, credentials: accountKey, maxAttempts: 1 });
const describeStream = async (): Promise<StreamInfo> => {
  const { StreamInfo: info } = await client.send(new DescribeStreamCommand({ StreamName }));
  if (info === undefined) throw new Error('no StreamInfo');
  return info;
};

beforeEach(async () => {
  harness = await startKinesisVideo();
  client = connect();
  await client.send(
    new CreateStreamCommand({
      StreamName,
      DataRetentionInHours: 24,
      MediaType: 'video/h264',
      Tags: { line: '1' },
    }),
  );
});
afterEach(async () => {
  client.destroy();
  await harness.stop();
});

it('creates and describes a stream', async () => {
  const info = await describeStream();
  expect(info).toMatchObject({
    StreamName,
    Status: 'ACTIVE',
    DataRetentionInHours: 24,
    MediaType: 'video/h264',
    KmsKeyId: 'aws/kinesisvideo',
  });
  expect(info.StreamARN).toMatch(
    /^arn:aws:kinesisvideo:eu-central-1:123456789012:stream\/AOVIS-0001\/\d{13}$/,
  );
  expect(Math.abs((info.CreationTime?.getTime() ?? 0) - Date.now())).toBeLessThan(10_000);
  const byArn = await client.send(new DescribeStreamCommand({ StreamARN: info.StreamARN }));
  expect(byArn.StreamInfo?.Version).toBe(info.Version);
});

it('keeps streams over a restart', async () => {
  const before = await describeStream();
  client.destroy();
  await harness.restart();
  client = connect();
  expect(await describeStream()).toEqual(before);
});

it('refuses a name twice, a name nobody has, and names that are none', async () => {
  await expect(client.send(new CreateStreamCommand({ StreamName }))).rejects.toThrow(ResourceInUseException);
  const unknown = client.send(new DescribeStreamCommand({ StreamName: 'nobody' }));
  await expect(unknown).rejects.toThrow(ResourceNotFoundException);
  await expect(unknown).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
  await expect(client.send(new CreateStreamCommand({ StreamName: 'white space' }))).rejects.toThrow(
    InvalidArgumentException,
  );
  await expect(client.send(new DescribeStreamCommand({}))).rejects.toThrow('Give StreamName or StreamARN.');
});

it('refuses a wrong ARN with what each action has for it', async () => {
  const StreamARN = 'arn:aws:kinesisvideo:eu-central-1:123456789012:channel/x/1';
  await expect(client.send(new DescribeStreamCommand({ StreamARN }))).rejects.toThrow(
    InvalidArgumentException,
  );
  await expect(client.send(new ListTagsForStreamCommand({ StreamARN }))).rejects.toThrow(
    InvalidResourceFormatException,
  );
});

it('answers 200 to a path it does not have, with what AWS puts there', async () => {
  const response = await fetch(`${harness.service.url}/putmedia`, { method: 'POST', body: 'media' });
  expect([response.status, await response.json()]).toEqual([
    200,
    { Output: { __type: 'com.amazon.coral.service#UnknownOperationException' }, Version: '1.0' },
  ]);
});

it('updates only the version the caller has seen', async () => {
  const { Version } = await describeStream();
  await client.send(new UpdateStreamCommand({ StreamName, CurrentVersion: Version, DeviceName: 'cam' }));
  const after = await describeStream();
  expect(after).toMatchObject({ DeviceName: 'cam', MediaType: 'video/h264' });
  expect(after.Version).not.toBe(Version);
  await expect(client.send(new UpdateStreamCommand({ StreamName, CurrentVersion: Version }))).rejects.toThrow(
    VersionMismatchException,
  );
});

it('raises and lowers the retention', async () => {
  const change = async (
    Operation: 'INCREASE_DATA_RETENTION' | 'DECREASE_DATA_RETENTION',
    DataRetentionChangeInHours: number,
  ): Promise<number | undefined> => {
    const { Version: CurrentVersion } = await describeStream();
    await client.send(
      new UpdateDataRetentionCommand({ StreamName, CurrentVersion, Operation, DataRetentionChangeInHours }),
    );
    return (await describeStream()).DataRetentionInHours;
  };
  expect(await change('INCREASE_DATA_RETENTION', 6)).toBe(30);
  expect(await change('DECREASE_DATA_RETENTION', 30)).toBe(0);
  await expect(change('DECREASE_DATA_RETENTION', 1)).rejects.toThrow(InvalidArgumentException);
  await expect(change('INCREASE_DATA_RETENTION', 0)).rejects.toThrow(InvalidArgumentException);
});

it('lists streams in pages and by prefix', async () => {
  for (const name of ['AOVIS-0003', 'AOVIS-0002', 'other'])
    await client.send(new CreateStreamCommand({ StreamName: name }));
  const names: (string | undefined)[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.send(
      new ListStreamsCommand({
        MaxResults: 2,
        NextToken,
        StreamNameCondition: { ComparisonOperator: 'BEGINS_WITH', ComparisonValue: 'AOVIS-' },
      }),
    );
    expect(page.StreamInfoList?.length).toBeLessThanOrEqual(2);
    names.push(...(page.StreamInfoList ?? []).map((stream) => stream.StreamName));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  expect(names).toEqual(['AOVIS-0001', 'AOVIS-0002', 'AOVIS-0003']);
});

it('tags, untags and limits tags to 50', async () => {
  await client.send(new TagStreamCommand({ StreamName, Tags: { site: 'A' } }));
  await client.send(new UntagStreamCommand({ StreamName, TagKeyList: ['line'] }));
  expect((await client.send(new ListTagsForStreamCommand({ StreamName }))).Tags).toEqual({ site: 'A' });
  const Tags = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`tag${i}`, '']));
  await expect(client.send(new TagStreamCommand({ StreamName, Tags }))).rejects.toThrow(
    TagsPerResourceExceededLimitException,
  );
});

it('names itself as the data endpoint', async () => {
  const answer = await client.send(new GetDataEndpointCommand({ StreamName, APIName: 'PUT_MEDIA' }));
  expect(answer.DataEndpoint).toBe(harness.service.url);
});

it('names the address it was asked at, so that callers behind a relay stay behind it', async () => {
  const otherName = harness.service.url.replace('127.0.0.1', 'localhost');
  const relayed = connect(otherName);
  const answer = await relayed.send(new GetDataEndpointCommand({ StreamName, APIName: 'PUT_MEDIA' }));
  relayed.destroy();
  expect(answer.DataEndpoint).toBe(otherName);
});

it('deletes a stream by ARN, and a new one of the name is another', async () => {
  const { StreamARN } = await describeStream();
  await expect(client.send(new DeleteStreamCommand({ StreamARN, CurrentVersion: 'old' }))).rejects.toThrow(
    VersionMismatchException,
  );
  await client.send(new DeleteStreamCommand({ StreamARN }));
  await expect(describeStream()).rejects.toThrow(ResourceNotFoundException);
  harness.clock.shift(1);
  await client.send(new CreateStreamCommand({ StreamName }));
  await expect(client.send(new DescribeStreamCommand({ StreamARN }))).rejects.toThrow(
    ResourceNotFoundException,
  );
});
