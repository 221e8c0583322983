import { mkdirSync, readFileSync } from 'node:fs';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import { serveLivePage } from '@aovis/simulator/live-page';
import type { LiveState } from '@aovis/simulator/live-viewer';
import { findChromium, launchChromium } from '@aovis/simulator/player';
import { LiveSystem } from '@aovis/simulator/testing/live-system';
import type { Browser, Page } from 'playwright-core';
import { type Benchmark, type BenchmarkContext, type Figure, median } from './benchmark.ts';
import { type CameraProgram, makeCameraProgram } from './live-view/camera-program.ts';
import { clipFps } from './live-view/numbered-clip.ts';
import { latenciesOf, readShownPictures } from './live-view/shown-pictures.ts';
import { canReadCosts, rssOf } from './process-costs.ts';

const latencyBarMs = 300;
const firstFrameBarMs = 1_000;

/** The whole way: user, backend, signed address, AWS's browser client in Chromium, a board whose camera is told apart by picture. */
async function run({ short, directory, log }: BenchmarkContext): Promise<Figure[]> {
  mkdirSync(directory, { recursive: true });
  log('making a clip of numbered pictures');
  const camera = await makeCameraProgram(directory);
  const figures: Figure[] = [];
  for (const library of ['node-datachannel', 'werift']) {
    log(`watching a board with ${library}`);
    figures.push(...(await measure(library, camera, short)));
  }
  return figures;
}

async function measure(library: string, camera: CameraProgram, short: boolean): Promise<Figure[]> {
  const live = await LiveSystem.start({
    settings: {
      AOVIS_AGENT_LIVE_VIEW_LIBRARY: library,
      AOVIS_AGENT_LIVE_VIEW_ADDRESS: '127.0.0.1',
      AOVIS_AGENT_FFMPEG: camera.program,
    },
    source: 'testsrc',
  });
  const page = await serveLivePage(() => live.anna.inviteViewer(live.deviceId));
  const browser = await launchChromium();
  try {
    if (browser === undefined) throw new Error('There is no Chromium that starts here: set AOVIS_CHROMIUM.');
    expectAnswer(await live.anna.inviteViewer(live.deviceId), 200);
    const memory = (): number => (canReadCosts ? rssOf(live.board.process.pid) : Number.NaN);
    const unwatchedMiB = memory();
    const firstFrames: number[] = [];
    // The first viewer makes the board load its library.
    for (let i = 0; i < (short ? 2 : 10); i++) firstFrames.push(await firstFrameOf(browser, page.url));
    const tab = await watch(browser, page.url);
    const shown = await readShownPictures(tab, (short ? 3 : 60) * clipFps);
    const watchedMiB = memory();
    const latencies = latenciesOf(shown, readFileSync(camera.journal, 'utf8'));
    return [
      ...figuresOf(library, latencies, firstFrames),
      {
        name: `memory of the board while one watches, ${library}`,
        value: watchedMiB,
        unit: 'MiB',
        against: { name: 'before the first viewer', value: unwatchedMiB },
      },
    ];
  } finally {
    await browser?.close();
    await page.close();
    await live.stop();
  }
}

async function watch(browser: Browser, url: string): Promise<Page> {
  const tab = await browser.newPage();
  await tab.goto(url);
  await tab.waitForFunction(() => (window as unknown as { live: LiveState }).live.firstFrameMs !== null);
  return tab;
}

async function firstFrameOf(browser: Browser, url: string): Promise<number> {
  const tab = await watch(browser, url);
  const { firstFrameMs } = await tab.evaluate(() => (window as unknown as { live: LiveState }).live);
  await tab.close();
  return firstFrameMs as number;
}

function figuresOf(library: string, latencies: readonly number[], firstFrames: readonly number[]): Figure[] {
  const sorted = latencies.toSorted((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)] as number;
  const slowest = Math.max(...firstFrames);
  return [
    {
      name: `capture → frame shown, p95, ${library}`,
      value: p95,
      unit: 'ms',
      against: { name: 'median', value: median(latencies) },
      bar: { text: `≤ ${latencyBarMs} ms`, met: p95 <= latencyBarMs },
    },
    {
      name: `asked for → first frame shown, slowest of ${firstFrames.length}, ${library}`,
      value: slowest,
      unit: 'ms',
      against: { name: 'median', value: median(firstFrames) },
      bar: { text: `< ${firstFrameBarMs} ms`, met: slowest < firstFrameBarMs },
    },
  ];
}

export const liveView: Benchmark = {
  id: 'p7-webrtc',
  what: 'capture → picture on the screen, by live view in Chromium',
  needs: ['ffmpeg', findChromium() ?? 'chromium'],
  run,
};
