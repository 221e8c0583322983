import { IoTDataPlaneClient, UpdateThingShadowCommand } from '@aws-sdk/client-iot-data-plane';
import { DescribeStreamCommand, KinesisVideoClient } from '@aws-sdk/client-kinesis-video';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { shadowPortContract } from '../features/devices/testing/shadow-port-contract.ts';
import { IotShadows } from './iot-shadows.ts';
import { KinesisVideoClips } from './kinesis-video-clips.ts';
import { KinesisVideoHls } from './kinesis-video-hls.ts';
import { KinesisVideoStreams } from './kinesis-video-streams.ts';
import { type LocalCloud, startLocalCloud } from './testing/local-cloud.ts';

describe('the adapters against the stand-ins', () => {
  let cloud: LocalCloud;
  beforeAll(async () => {
    cloud = await startLocalCloud();
  }, 30_000);
  afterAll(() => cloud.stop());

  describe('shadows', () => {
    let shadows: IotShadows;
    let board: IoTDataPlaneClient;
    beforeAll(() => {
      const settings = { region: cloud.region, endpoint: cloud.iotDataUrl };
      shadows = new IotShadows(settings);
      board = new IoTDataPlaneClient(settings);
    });
    afterAll(() => {
      shadows.close();
      board.destroy();
    });
    let things = 0;
    shadowPortContract(() => ({
      shadows,
      newThing: () => `aovis-n4k-${String(++things).padStart(6, '0')}`,
      report: async (thingName, shadowName, reported) => {
        const payload = Buffer.from(JSON.stringify({ state: { reported } }));
        await board.send(new UpdateThingShadowCommand({ thingName, shadowName, payload }));
      },
    }));
  });

  it('find no clip in a stream without video, and none without a stream', async () => {
    const settings = { region: cloud.region, endpoint: cloud.kinesisVideoUrl };
    const stream = 'aovis-stream-aovis-n4k-000002';
    const range = { start: new Date(Date.now() - 60_000), end: new Date() };
    const limits = { fragments: 200, bytes: 100_000_000 };
    const streams = new KinesisVideoStreams(settings);
    const clips = new KinesisVideoClips(settings);
    const none = { code: 'stream_not_available' };
    try {
      await expect(clips.measure(stream, range, limits)).rejects.toMatchObject(none);
      await streams.ensureStream(stream, 24);
      expect(await clips.measure(stream, range, limits)).toEqual({ fragments: 0, bytes: 0 });
      await expect(clips.open(stream, range, new AbortController().signal)).rejects.toMatchObject(none);
    } finally {
      streams.close();
      clips.close();
    }
  });

  it('make a stream once, raise its retention, and find nothing to play in it', async () => {
    const settings = { region: cloud.region, endpoint: cloud.kinesisVideoUrl };
    const stream = 'aovis-stream-aovis-n4k-000001';
    const streams = new KinesisVideoStreams(settings);
    const hls = new KinesisVideoHls(settings);
    const client = new KinesisVideoClient(settings);
    const retention = async (): Promise<number | undefined> =>
      (await client.send(new DescribeStreamCommand({ StreamName: stream }))).StreamInfo?.DataRetentionInHours;
    try {
      await expect(hls.open(stream, { mode: 'live' }, 900)).rejects.toMatchObject({
        code: 'stream_not_available',
      });
      await streams.ensureStream(stream, 24);
      expect(await retention()).toBe(24);
      await streams.ensureStream(stream, 168);
      await streams.ensureStream(stream, 24);
      expect(await retention()).toBe(168);
      await expect(hls.open(stream, { mode: 'live' }, 900)).rejects.toMatchObject({
        code: 'stream_not_available',
      });
    } finally {
      streams.close();
      hls.close();
      client.destroy();
    }
  });
});
