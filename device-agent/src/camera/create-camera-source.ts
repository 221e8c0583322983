import type { RunningConfig } from '@aovis/contracts/shadow';
import type { Clock } from '../host/clock.ts';
import type { CameraSource, CaptureSettings } from './camera-source.ts';
import { ClipSource } from './clip-source.ts';
import type { H264Encoder } from './encoder.ts';
import {
  type FfmpegCapture,
  fileArguments,
  rtspArguments,
  testPatternArguments,
  v4l2Arguments,
  v4l2RawArguments,
} from './ffmpeg-arguments.ts';
import { ProgramSource } from './program-source.ts';
import { rpicamArguments } from './rpicam-arguments.ts';
import type { SoundSpecification } from './sound.ts';
import { type SourceSpecification, sourceName } from './source-specification.ts';

export interface CameraSourceOptions {
  specification: SourceSpecification;
  settings: CaptureSettings;
  clock: Clock;
  /** The bundled clip, `assets/clip.h264` of this package. */
  clipPath: string;
  /** Default: the `ffmpeg` on PATH. */
  ffmpeg?: string;
  /** Default: the `rpicam-vid` on PATH. */
  rpicam?: string;
  /** For sources that ffmpeg encodes; default libx264. */
  encoder?: H264Encoder;
  /** Default none; must be one that `refuseSound` has nothing against. */
  sound?: SoundSpecification;
}

/** Files that are H.264 in Annex B already are played without ffmpeg. */
const annexBFile = /\.(h264|264)$/i;
const installFfmpeg =
  'Install ffmpeg (apt install ffmpeg), or use the camera source "clip", which needs no program.';
const installRpicam =
  'Install it (apt install rpicam-apps), or name the older libcamera-vid with --rpicam (AOVIS_AGENT_RPICAM).';

export function createCameraSource(options: CameraSourceOptions): CameraSource {
  const { specification, settings, clock, clipPath, ffmpeg = 'ffmpeg', rpicam = 'rpicam-vid' } = options;
  const { encoder = 'libx264', sound = { kind: 'none' } } = options;
  const name = sourceName(specification);
  if (specification.kind === 'clip') return new ClipSource({ name, path: clipPath, clock });
  if (specification.kind === 'file' && annexBFile.test(specification.path))
    return new ClipSource({ name, path: specification.path, clock });
  const common = { name, clock };
  if (specification.kind === 'rpicam')
    return new ProgramSource({
      ...common,
      program: rpicam,
      install: installRpicam,
      advice: adviceOn(specification, sound),
      sound: false,
      arguments: rpicamArguments(specification.camera, settings),
    });
  return new ProgramSource({
    ...common,
    program: ffmpeg,
    install: installFfmpeg,
    advice: adviceOn(specification, sound),
    sound: sound.kind !== 'none',
    arguments: ffmpegArguments(specification, { settings, encoder, sound }),
  });
}

/** What takes a program to capture. */
type ProgramSpecification = Exclude<SourceSpecification, { kind: 'clip' }>;

/** What to look at when the program that captures gives up. */
function adviceOn(specification: ProgramSpecification, sound: SoundSpecification): string {
  const listen = sound.kind === 'alsa' ? ` Check the sound device, too: arecord -L lists what there is.` : '';
  return `${picturesAdvice(specification)}${listen}`;
}

function picturesAdvice(specification: ProgramSpecification): string {
  switch (specification.kind) {
    case 'v4l2':
    case 'v4l2-raw':
      return (
        `Check that the camera is plugged in (ls -l ${specification.device}), that the agent's user may open it (group video), ` +
        `that nothing else uses it, and what it can do: v4l2-ctl --device ${specification.device} --list-formats-ext.`
      );
    case 'rtsp':
      return 'Check the address with its path, name and password, that the camera is switched on, and that it sends H.264.';
    case 'file':
      return "Check that the file is there, that the agent's user may read it, and that it holds H.264 video.";
    case 'rpicam':
      return 'Check the ribbon cable and that nothing else uses the camera: rpicam-hello --list-cameras shows what there is.';
    case 'testsrc':
      return 'Check that this ffmpeg has the encoder of AOVIS_AGENT_ENCODER and that the board has its device; libx264 needs none.';
  }
}

/** Makes the one kind of source that the board has, with the settings of the moment. */
export function cameraSources(
  board: Omit<CameraSourceOptions, 'settings'>,
): (wanted: RunningConfig['camera']) => CameraSource {
  return ({ width, height, fps, bitrate_bps: bitrateBps, gop_s: gopSeconds }) =>
    createCameraSource({ ...board, settings: { width, height, fps, bitrateBps, gopSeconds } });
}

function ffmpegArguments(
  specification: Exclude<SourceSpecification, { kind: 'clip' | 'rpicam' }>,
  capture: FfmpegCapture,
): string[] {
  switch (specification.kind) {
    case 'testsrc':
      return testPatternArguments(capture);
    case 'file':
      return fileArguments(specification.path, capture);
    case 'v4l2':
      return v4l2Arguments(specification.device, capture);
    case 'v4l2-raw':
      return v4l2RawArguments(specification.device, capture);
    case 'rtsp':
      return rtspArguments(specification.url, capture);
  }
}
