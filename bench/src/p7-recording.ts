import { mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { admin } from '@aovis/simulator/cloud-setup';
import { findChromium, launchChromium } from '@aovis/simulator/player';
import { servePlayer } from '@aovis/simulator/player-page';
import { LiveSystem } from '@aovis/simulator/testing/live-system';
import { untilPlayable } from '@aovis/simulator/wait-for';
import type { Browser } from 'playwright-core';
import { type Benchmark, type BenchmarkContext, type Figure, median } from './benchmark.ts';
import { type CameraProgram, makeCameraProgram } from './live-view/camera-program.ts';
import { clipFps } from './live-view/numbered-clip.ts';
import { latenciesOf, readShownPictures } from './live-view/shown-pictures.ts';

/** Of the numbered clip: a fragment is complete when the next keyframe comes. */
const gopMs = 1_000;
const persistedBarMs = gopMs + 300;
const shownBarMs = 3_000;
/** How exactly it is seen that a fragment is stored. */
const lookEveryMs = 10;
/** hls.js looks for its place behind the live edge. */
const settleMs = 10_000;

/** A board, local-cloud, backend, hls.js in Chromium. */
async function run({ short, directory, log }: BenchmarkContext): Promise<Figure[]> {
  mkdirSync(directory, { recursive: true });
  log('making a clip of numbered pictures');
  const camera = await makeCameraProgram(directory);
  const live = await LiveSystem.start({
    settings: { AOVIS_AGENT_FFMPEG: camera.program, AOVIS_AGENT_LIVE_VIEW_ADDRESS: '127.0.0.1' },
    source: 'testsrc',
  });
  const browser = await launchChromium();
  try {
    if (browser === undefined) throw new Error('There is no Chromium that starts here: set AOVIS_CHROMIUM.');
    log('waiting for fragments to be persisted');
    const persisted = await persistedAfter(live, short ? 3 : 60);
    log('playing HLS');
    const shown = await shownAfter(live, browser, camera, short ? 3 : 60);
    return [
      figureOf('capture of the first picture → its fragment is PERSISTED, p95', persisted, persistedBarMs),
      figureOf('capture → frame shown by HLS, p95', shown, shownBarMs),
    ];
  } finally {
    await browser?.close();
    await live.stop();
  }
}

/** Per fragment: from when its first picture came in to when local-cloud has it on its disk, in milliseconds. */
async function persistedAfter(live: LiveSystem, count: number): Promise<number[]> {
  const path = `/_local/kinesis-video/streams/aovis-stream-${live.deviceId}`;
  const latencies = new Map<string, number>();
  let known: Set<string> | undefined;
  while (latencies.size < count) {
    const { lastFragments } = (await admin(live.system.endpoints, 'GET', path)) as {
      lastFragments: { number: string; producerTime: string }[];
    };
    const now = performance.timeOrigin + performance.now();
    // When those came that were there before is not known.
    known ??= new Set(lastFragments.map(({ number }) => number));
    for (const { number, producerTime } of lastFragments) {
      if (!known.has(number)) latencies.set(number, now - Date.parse(producerTime));
      known.add(number);
    }
    await sleep(lookEveryMs);
  }
  return [...latencies.values()];
}

async function shownAfter(
  live: LiveSystem,
  browser: Browser,
  camera: CameraProgram,
  seconds: number,
): Promise<number[]> {
  const { url } = await untilPlayable(live.anna, live.deviceId);
  const player = await servePlayer(url);
  try {
    const tab = await browser.newPage({ viewport: { width: 1280, height: 760 } });
    await tab.goto(player.url);
    await tab.waitForFunction(
      () => (document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0) > 0,
    );
    await sleep(settleMs);
    const shown = await readShownPictures(tab, seconds * clipFps);
    return latenciesOf(shown, readFileSync(camera.journal, 'utf8'));
  } finally {
    await player.close();
  }
}

function figureOf(name: string, latencies: readonly number[], barMs: number): Figure {
  const sorted = latencies.toSorted((a, b) => a - b);
  const p95 = sorted[Math.floor((sorted.length - 1) * 0.95)] as number;
  return {
    name,
    value: p95,
    unit: 'ms',
    against: { name: 'median', value: median(latencies) },
    bar: { text: `≤ ${barMs} ms`, met: p95 <= barMs },
  };
}

export const recording: Benchmark = {
  id: 'p7-recording',
  what: 'capture → persisted, and → picture on the screen by HLS in Chromium',
  needs: ['ffmpeg', findChromium() ?? 'chromium'],
  run,
};
