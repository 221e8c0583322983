import type { CaptureSettings } from './camera-source.ts';
import { words } from './words.ts';

/**
 * Command line of rpicam-vid (Raspberry Pi documentation, "rpicam-apps"; libcamera-vid before 2024): Annex B on standard output,
 * SPS and PPS before each keyframe, each picture as soon as it is encoded. The baseline profile has no B pictures.
 */
export function rpicamArguments(
  camera: number,
  { width, height, fps, bitrateBps, gopSeconds }: CaptureSettings,
): string[] {
  const gop = Math.max(1, Math.round(fps * gopSeconds));
  return [
    ...words(`--camera ${camera} --timeout 0 --nopreview`),
    ...words(`--width ${width} --height ${height} --framerate ${fps}`),
    ...words('--codec h264 --profile baseline --inline --flush'),
    ...words(`--intra ${gop} --bitrate ${bitrateBps} --output -`),
  ];
}
