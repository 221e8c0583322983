import type { CaptureSettings } from './camera-source.ts';
import { words } from './words.ts';

/**
 * H.264 encoders of ffmpeg, by the names it has for them: in software; V4L2 memory-to-memory (Raspberry Pi 3 and 4); OpenMAX
 * (older Raspberry Pi OS); NVIDIA Jetson; VA-API (Intel, AMD); Rockchip.
 */
export const h264Encoders = [
  'libx264',
  'h264_v4l2m2m',
  'h264_omx',
  'h264_nvmpi',
  'h264_vaapi',
  'h264_rkmpp',
] as const;
export type H264Encoder = (typeof h264Encoders)[number];

/** The render node that VA-API machines have unless they have several graphics cards. */
const vaapiDevice = '/dev/dri/renderD128';

/** What stands before the inputs. */
export function encoderSetup(encoder: H264Encoder): string[] {
  return encoder === 'h264_vaapi' ? ['-vaapi_device', vaapiDevice] : [];
}

/** Encodes the first input's pictures, after `filters`: no B pictures, keyframes at the wished interval and nowhere else. */
export function encoderArguments(
  encoder: H264Encoder,
  { fps, bitrateBps, gopSeconds }: CaptureSettings,
  filters: readonly string[] = [],
): string[] {
  const gop = Math.max(1, Math.round(fps * gopSeconds));
  const chain = [...filters, ...(encoder === 'h264_vaapi' ? ['format=nv12', 'hwupload'] : [])];
  return [
    ...words('-map 0:v:0 -an'),
    ...(chain.length === 0 ? [] : ['-vf', chain.join(',')]),
    ...(encoder === 'h264_vaapi' ? [] : ['-pix_fmt', 'yuv420p']),
    ...words(`-c:v ${encoder}`),
    ...ownOptions(encoder, gop),
    ...words(`-g ${gop} -bf 0 -b:v ${bitrateBps}`),
    ...words(`-maxrate ${bitrateBps} -bufsize ${Math.round(bitrateBps / 2)}`),
  ];
}

function ownOptions(encoder: H264Encoder, gop: number): string[] {
  switch (encoder) {
    case 'libx264':
      return words(
        `-preset ultrafast -tune zerolatency -profile:v baseline -sc_threshold 0 -keyint_min ${gop}`,
      );
    case 'h264_vaapi':
      return words('-profile:v constrained_baseline -rc_mode CBR');
    case 'h264_omx':
      return words('-profile:v baseline');
    case 'h264_v4l2m2m':
    case 'h264_nvmpi':
    case 'h264_rkmpp':
      return [];
  }
}
