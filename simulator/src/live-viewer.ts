import type { Browser } from 'playwright-core';
import type { Answer } from './expect-answer.ts';
import { serveLivePage } from './live-page.ts';

/** What the viewer page tells of itself, as `window.live`. */
export interface LiveState {
  state: 'new' | 'connecting' | 'connected' | 'disconnected' | 'waiting' | 'refused';
  refused: { code: string; message: string } | null;
  /** From the first request to the first picture on the screen; null before. */
  firstFrameMs: number | null;
}

export interface LiveLook {
  firstFrameMs: number;
  frames: number;
  width: number;
  height: number;
}

/**
 * Watches the live view on AWS's browser client, in this browser, which it closes, until `frames` frames were shown, and keeps
 * a screenshot. Throws when the viewer is refused or the frames do not come in time.
 */
export async function watchLive(
  invite: () => Promise<Answer<unknown>>,
  options: { browser: Browser; frames: number; timeoutMs: number; screenshot: string },
): Promise<LiveLook> {
  const page = await serveLivePage(invite);
  const { browser } = options;
  try {
    const tab = await browser.newPage({ viewport: { width: 960, height: 760 } });
    await tab.goto(page.url);
    await tab.waitForFunction(
      (wanted) => {
        const { refused } = (window as unknown as { live: LiveState }).live;
        if (refused !== null) throw new Error(`The viewer was refused: ${refused.message}`);
        return (document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0) >= wanted;
      },
      options.frames,
      { timeout: options.timeoutMs },
    );
    await tab.screenshot({ path: options.screenshot });
    return await tab.evaluate(() => {
      const video = document.querySelector('video') as HTMLVideoElement;
      return {
        firstFrameMs: (window as unknown as { live: LiveState }).live.firstFrameMs ?? Number.NaN,
        frames: video.getVideoPlaybackQuality().totalVideoFrames,
        width: video.videoWidth,
        height: video.videoHeight,
      };
    });
  } finally {
    await browser.close();
    await page.close();
  }
}
