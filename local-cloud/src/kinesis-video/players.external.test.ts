import { execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateStreamCommand, KinesisVideoClient } from '@aws-sdk/client-kinesis-video';
import {
  GetClipCommand,
  GetHLSStreamingSessionURLCommand,
  type GetHLSStreamingSessionURLInput,
  KinesisVideoArchivedMediaClient,
} from '@aws-sdk/client-kinesis-video-archived-media';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type HlsPlayer from 'hls.js';
import { chromium } from 'playwright-core';
import { accountKey, type Harness, region, startKinesisVideo } from './testing/harness.ts';
import { type Ack, PutMediaClient } from './testing/put-media-client.ts';
import { makeMkv } from './testing/sample.ts';

const run = promisify(execFile);
const StreamName = 'AOVIS-0001';
let harness: Harness;
let archive: KinesisVideoArchivedMediaClient;

beforeEach(async () => {
  harness = await startKinesisVideo();
  const settings = { region, endpoint: harness.service.url, credentials: accountKey };
  const control = new KinesisVideoClient(settings);
  await control.send(new CreateStreamCommand({ StreamName, DataRetentionInHours: 24 }));
  control.destroy();
  archive = new KinesisVideoArchivedMediaClient(settings);
});
afterEach(async () => {
  archive.destroy();
  await harness.stop();
});

const byProducer = (
  startMs: number,
  endMs: number,
): GetHLSStreamingSessionURLInput['HLSFragmentSelector'] => ({
  FragmentSelectorType: 'PRODUCER_TIMESTAMP',
  TimestampRange: { StartTimestamp: new Date(startMs), EndTimestamp: new Date(endMs) },
});
async function openHls(input: Partial<GetHLSStreamingSessionURLInput>): Promise<string> {
  const answer = await archive.send(new GetHLSStreamingSessionURLCommand({ StreamName, ...input }));
  return answer.HLSStreamingSessionURL ?? '';
}
async function put(mkv: Buffer): Promise<Ack[]> {
  return (await PutMediaClient.open({ url: harness.service.url, streamName: StreamName })).finish(mkv);
}

/** Frames that ffmpeg decodes; it may not complain about a single one. */
async function decodedFrames(source: string): Promise<number> {
  const options =
    '-v warning -count_frames -select_streams v:0 -show_entries stream=nb_read_frames -of csv=p=0';
  const { stdout, stderr } = await run('ffprobe', [...options.split(' '), source]);
  expect(stderr).toBe('');
  return Number.parseInt(stdout, 10);
}

it('ffmpeg decodes an on-demand session and a clip without an error', async () => {
  const startMs = Date.now() - 60_000;
  await put(await makeMkv({ startMs, audio: true }));
  const HLSFragmentSelector = byProducer(startMs, startMs + 10_000);
  const url = await openHls({ PlaybackMode: 'ON_DEMAND', HLSFragmentSelector });
  const { stderr } = await run('ffmpeg', ['-v', 'error', '-i', url, '-f', 'null', '-']);
  expect(stderr).toBe('');
  const clip = await archive.send(
    new GetClipCommand({
      StreamName,
      ClipFragmentSelector: {
        FragmentSelectorType: 'PRODUCER_TIMESTAMP',
        TimestampRange: { StartTimestamp: new Date(startMs), EndTimestamp: new Date(startMs + 10_000) },
      },
    }),
  );
  const file = join(harness.directory, 'clip.mp4');
  writeFileSync(file, (await clip.Payload?.transformToByteArray()) ?? new Uint8Array());
  expect(await decodedFrames(file)).toBe(90);
});

it.each([
  ['a cluster for each key frame', '-cluster_size_limit 5000000'],
  ['live, clusters cut anywhere', '-live 1 -cluster_time_limit 1000'],
])("takes ffmpeg's Matroska: %s", async (_, options) => {
  const input = '-v error -f lavfi -i testsrc2=size=320x180:rate=15 -t 4';
  const codec = '-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -g 15';
  const ffmpeg = spawn('ffmpeg', `${input} ${codec} -f matroska ${options} pipe:1`.split(' '));
  const chunks: Buffer[] = [];
  for await (const chunk of ffmpeg.stdout) chunks.push(chunk as Buffer);
  const client = await PutMediaClient.open({
    url: harness.service.url,
    streamName: StreamName,
    headers: { 'x-amzn-fragment-timecode-type': 'RELATIVE' },
  });
  const acks = await client.finish(Buffer.concat(chunks));
  expect(acks.filter(({ EventType }) => EventType === 'ERROR')).toEqual([]);
  expect(acks.filter(({ EventType }) => EventType === 'PERSISTED').length).toBeGreaterThanOrEqual(1);
  const url = await openHls({
    HLSFragmentSelector: { FragmentSelectorType: 'PRODUCER_TIMESTAMP' },
    MaxMediaPlaylistFragmentResults: 100,
  });
  const master = await (await fetch(url)).text();
  const playlistUrl = new URL(master.trim().split('\n').at(-1) ?? '', url);
  const playlist = (await (await fetch(playlistUrl)).text()).split('\n');
  const map = /URI="([^"]+)"/.exec(playlist.find((line) => line.startsWith('#EXT-X-MAP')) ?? '')?.[1] ?? '';
  const files = [map, ...playlist.filter((line) => line.startsWith('getMP4MediaFragment'))];
  const parts = await Promise.all(
    files.map(async (file) => Buffer.from(await (await fetch(new URL(file, playlistUrl))).arrayBuffer())),
  );
  const file = join(harness.directory, 'segments.mp4');
  writeFileSync(file, Buffer.concat(parts));
  expect(await decodedFrames(file)).toBe(60);
});

it('hls.js plays a live session in Chromium while fragments arrive', async () => {
  const script = readFileSync(createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js'), 'utf8');
  const page = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<video id="video" muted></video><script>${script}</script>`);
  });
  await new Promise<void>((resolve) => {
    page.listen(0, '127.0.0.1', resolve);
  });
  const address = page.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
  });
  try {
    const startMs = Date.now() - 6_000;
    await put(await makeMkv({ startMs, audio: true }));
    const url = await openHls({
      HLSFragmentSelector: { FragmentSelectorType: 'PRODUCER_TIMESTAMP' },
      MaxMediaPlaylistFragmentResults: 10,
    });
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${port}/`);
    const playing = tab.evaluate(async (source) => {
      const { Hls } = window as unknown as { Hls: typeof HlsPlayer };
      const video = document.querySelector('video');
      if (video === null) throw new Error('the page has no video');
      const hls = new Hls({ liveSyncDurationCount: 5 });
      const played = new Promise<{ decoded: number; width: number }>((resolve, reject) => {
        hls.on(Hls.Events.ERROR, (_event, data) => {
          if (data.fatal) reject(new Error(data.details));
        });
        video.addEventListener('timeupdate', () => {
          const { totalVideoFrames } = video.getVideoPlaybackQuality();
          if (totalVideoFrames >= 60) resolve({ decoded: totalVideoFrames, width: video.videoWidth });
        });
      });
      hls.loadSource(source);
      hls.attachMedia(video);
      await video.play();
      return played;
    }, url);
    await put(await makeMkv({ startMs: startMs + 6_000, audio: true }));
    const { decoded, width } = await playing;
    expect(decoded).toBeGreaterThanOrEqual(60);
    expect(width).toBe(320);
  } finally {
    await browser.close();
    await new Promise((resolve) => {
      page.close(resolve);
      page.closeAllConnections();
    });
  }
}, 60_000);
