import { existsSync } from 'node:fs';
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny';
import { type Browser, chromium } from 'playwright-core';
import { servePlayer } from './player-page.ts';

export interface Playback {
  /** `browser`: shown by hls.js in Chromium; `parser`: read by an independent MP4 parser. */
  means: 'browser' | 'parser';
  frames: number;
  width: number;
  height: number;
  codec: string;
}

const chromiumPaths = [
  process.env['AOVIS_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The browser this machine has, if any. `AOVIS_CHROMIUM` names another; empty means none. */
export function findChromium(): string | undefined {
  if (process.env['AOVIS_CHROMIUM'] === '') return undefined;
  return chromiumPaths.find((path) => path !== undefined && path !== '' && existsSync(path));
}

/**
 * Starts the machine's browser, headless. Undefined when it has none, or only one that does not start: the stand-in of
 * an uninstalled snap, missing libraries. One that `AOVIS_CHROMIUM` names has to start.
 */
export async function launchChromium(): Promise<Browser | undefined> {
  const executablePath = findChromium();
  if (executablePath === undefined) return undefined;
  try {
    return await chromium.launch({
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        // For the live view on this machine: a browser for people shows WebRTC peers names for its addresses, and no loopback.
        '--allow-loopback-in-peer-connection',
        '--disable-features=WebRtcHideLocalIpsWithMdns',
      ],
    });
  } catch (error) {
    if (process.env['AOVIS_CHROMIUM'] === undefined) return undefined;
    throw new Error(`${executablePath}, which AOVIS_CHROMIUM names, does not start.`, { cause: error });
  }
}

/**
 * Plays an HLS URL in this browser, which it closes, until `frames` frames were shown, counted by the browser itself, and keeps a
 * screenshot. Throws when hls.js gives up or the frames do not come in time.
 */
export async function playInBrowser(
  url: string,
  options: { browser: Browser; frames: number; timeoutMs: number; screenshot?: string },
): Promise<Playback> {
  const player = await servePlayer(url);
  const { browser } = options;
  try {
    const tab = await browser.newPage({ viewport: { width: 960, height: 580 } });
    await tab.goto(player.url);
    await tab.waitForFunction(
      (wanted) => {
        const failure = (window as unknown as { failure: string | null }).failure;
        if (failure !== null) throw new Error(`hls.js gave up: ${failure}`);
        return (document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0) >= wanted;
      },
      options.frames,
      { timeout: options.timeoutMs },
    );
    if (options.screenshot !== undefined) await tab.screenshot({ path: options.screenshot });
    const shown = await tab.evaluate(() => {
      const video = document.querySelector('video') as HTMLVideoElement;
      const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
      return {
        frames: totalVideoFrames - droppedVideoFrames,
        width: video.videoWidth,
        height: video.videoHeight,
      };
    });
    return { means: 'browser', codec: 'h264', ...shown };
  } finally {
    await browser.close();
    await player.close();
  }
}

/**
 * Without a browser: fetches playlist, initialisation and media segments and has mediabunny, which shares nothing with
 * the writer, read them. Throws unless every sample is there, in order, and each segment starts with a key frame.
 */
export async function parseSegments(url: string): Promise<Playback> {
  const master = await fetchText(url);
  const mediaUrl = new URL(uriLines(master)[0] ?? '', url);
  const playlist = await fetchText(mediaUrl.href);
  const map = /#EXT-X-MAP:URI="([^"]+)"/.exec(playlist)?.[1];
  const segments = uriLines(playlist);
  if (map === undefined || segments.length === 0)
    throw new Error(`The media playlist names no segments:\n${playlist}`);
  const init = await fetchBytes(new URL(map, mediaUrl).href);
  let frames = 0;
  let shape = { width: 0, height: 0, codec: '' };
  for (const segment of segments) {
    const media = await fetchBytes(new URL(segment, mediaUrl).href);
    const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(Buffer.concat([init, media])) });
    const track = await input.getPrimaryVideoTrack();
    if (track === null) throw new Error('A segment holds no video track.');
    shape = { width: track.codedWidth, height: track.codedHeight, codec: track.codec ?? 'unknown' };
    frames += await countSamples(new EncodedPacketSink(track));
    input.dispose();
  }
  return { means: 'parser', frames, ...shape };
}

async function countSamples(sink: EncodedPacketSink): Promise<number> {
  let count = 0;
  let previous = Number.NEGATIVE_INFINITY;
  for await (const packet of sink.packets()) {
    if (count === 0 && packet.type !== 'key') throw new Error('A segment does not start with a key frame.');
    if (packet.timestamp <= previous) throw new Error('The samples of a segment are out of order.');
    if (packet.data.length < 5) throw new Error('A sample is empty.');
    previous = packet.timestamp;
    count += 1;
  }
  if (count === 0) throw new Error('A segment holds no samples.');
  return count;
}

const uriLines = (playlist: string): string[] =>
  playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

async function fetchBytes(url: string): Promise<Buffer> {
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`${new URL(url).pathname} answered ${response.status}: ${await response.text()}`);
  return Buffer.from(await response.arrayBuffer());
}

async function fetchText(url: string): Promise<string> {
  return (await fetchBytes(url)).toString('utf8');
}
