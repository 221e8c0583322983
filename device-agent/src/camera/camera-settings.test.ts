import { expect, it } from '@jest/globals';
import { defaultConfig } from '../shadow/board-limits.ts';
import { CameraSettings } from './camera-settings.ts';
import type { CameraSource } from './camera-source.ts';

const { camera: wished } = defaultConfig('info');

function setUp() {
  const used: string[] = [];
  const targets: (number | undefined)[] = [];
  const settings = new CameraSettings({
    camera: {
      use: ({ name }: CameraSource) => {
        used.push(name);
        return Promise.resolve();
      },
    },
    sourceFor: ({ width, bitrate_bps }) => ({
      name: `${width} at ${bitrate_bps}`,
      capture: () => Promise.resolve(),
    }),
    onTarget: (bitrateBps) => targets.push(bitrateBps),
  });
  return { settings, used, targets };
}

it('takes another bitrate without losing what else is wished', async () => {
  const { settings, used, targets } = setUp();
  await settings.use({ ...wished, width: 640 }, true);
  await settings.useBitrate(300_000);
  expect([used, targets]).toEqual([['640 at 1000000', '640 at 300000'], [1_000_000]]);
});

it('lets nobody change the bitrate of a board that was not told to adapt', async () => {
  const { settings, targets } = setUp();
  await settings.use(wished, false);
  expect(targets).toEqual([undefined]);
});
