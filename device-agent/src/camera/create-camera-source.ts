import type { RunningConfig } from '@aovis/contracts/shadow';
import type { Clock } from '../host/clock.ts';
import type { CameraSource, CaptureSettings } from './camera-source.ts';
import { ClipSource } from './clip-source.ts';
import {
  fileArguments,
  type H264Encoder,
  rtspArguments,
  testPatternArguments,
  v4l2Arguments,
  v4l2RawArguments,
} from './ffmpeg-arguments.ts';
import { FfmpegSource } from './ffmpeg-source.ts';
import { type SourceSpecification, sourceName } from './source-specification.ts';

export interface CameraSourceOptions {
  specification: SourceSpecification;
  settings: CaptureSettings;
  clock: Clock;
  /** The bundled clip, `assets/clip.h264` of this package. */
  clipPath: string;
  /** Default: the `ffmpeg` on PATH. */
  ffmpeg?: string;
  /** For sources that encode; default libx264. */
  encoder?: H264Encoder;
}

/** Files that are H.264 in Annex B already are played without ffmpeg. */
const annexBFile = /\.(h264|264)$/i;

export function createCameraSource(options: CameraSourceOptions): CameraSource {
  const { specification, clock, clipPath, ffmpeg = 'ffmpeg' } = options;
  const name = sourceName(specification);
  if (specification.kind === 'clip') return new ClipSource({ name, path: clipPath, clock });
  if (specification.kind === 'file' && annexBFile.test(specification.path))
    return new ClipSource({ name, path: specification.path, clock });
  return new FfmpegSource({ name, ffmpeg, clock, arguments: argumentsFor(specification, options) });
}

/** Makes the one kind of source that the board has, with the settings of the moment. */
export function cameraSources(
  board: Omit<CameraSourceOptions, 'settings'>,
): (wanted: RunningConfig['camera']) => CameraSource {
  return ({ width, height, fps, bitrate_bps: bitrateBps, gop_s: gopSeconds }) =>
    createCameraSource({ ...board, settings: { width, height, fps, bitrateBps, gopSeconds } });
}

function argumentsFor(
  specification: Exclude<SourceSpecification, { kind: 'clip' }>,
  { settings, encoder = 'libx264' }: CameraSourceOptions,
): string[] {
  switch (specification.kind) {
    case 'testsrc':
      return testPatternArguments(settings);
    case 'file':
      return fileArguments(specification.path);
    case 'v4l2':
      return v4l2Arguments(specification.device, settings);
    case 'v4l2-raw':
      return v4l2RawArguments(specification.device, settings, encoder);
    case 'rtsp':
      return rtspArguments(specification.url);
  }
}
