import type { Page } from 'playwright-core';
import { block, numberBits } from './numbered-clip.ts';

/** A picture that a browser has put on the screen. */
export interface ShownPicture {
  number: number;
  /** When the browser told that it was on the screen, at most one refresh after it was: milliseconds since the epoch. */
  at: number;
}

/** Reads the numbers off the next `count` pictures that the page shows. */
export function readShownPictures(tab: Page, count: number): Promise<ShownPicture[]> {
  return tab.evaluate(
    ({ wanted, bits, row }) =>
      new Promise<{ number: number; at: number }[]>((resolve) => {
        const video = document.querySelector('video') as HTMLVideoElement;
        const canvas = new OffscreenCanvas(bits * row.width, row.height);
        const context = canvas.getContext('2d', {
          willReadFrequently: true,
        }) as OffscreenCanvasRenderingContext2D;
        const shown: { number: number; at: number }[] = [];
        const read: VideoFrameRequestCallback = () => {
          context.drawImage(video, -row.left, -row.top);
          const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
          let number = 0;
          for (let bit = 0; bit < bits; bit++) {
            const middle = (row.height / 2) * canvas.width + (bit + 0.5) * row.width;
            if ((data[middle * 4] ?? 0) > 127) number += 2 ** bit;
          }
          shown.push({ number, at: performance.timeOrigin + performance.now() });
          if (shown.length < wanted) video.requestVideoFrameCallback(read);
          else resolve(shown);
        };
        video.requestVideoFrameCallback(read);
      }),
    { wanted: count, bits: numberBits, row: block },
  );
}

/** How long after its capture each picture was shown, in milliseconds, by what the camera noted. */
export function latenciesOf(shown: readonly ShownPicture[], journal: string): number[] {
  const captured = new Map<number, number[]>();
  for (const line of journal.trim().split('\n')) {
    const [number = Number.NaN, at = Number.NaN] = line.split(' ').map(Number);
    captured.set(number, [...(captured.get(number) ?? []), at]);
  }
  return shown.map(({ number, at }) => {
    // The clip comes round: the last time before it was shown.
    const before = captured.get(number)?.findLast((time) => time <= at);
    if (before === undefined) throw new Error(`A picture ${number} was shown that the camera had not made.`);
    return at - before;
  });
}
