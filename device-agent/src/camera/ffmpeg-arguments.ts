import type { CaptureSettings } from './camera-source.ts';

/** Encoders of ffmpeg that boards have: software, and the V4L2 memory-to-memory one of the Raspberry Pi 3 and 4. */
export type H264Encoder = 'libx264' | 'h264_v4l2m2m';

/**
 * Command lines of ffmpeg, one per kind of source. All write Annex B to standard output with a delimiter before each
 * picture and nothing but errors to standard error, and take nothing from standard input.
 */
const quiet = ['-hide_banner', '-nostdin', '-loglevel', 'error'];
const annexBToPipe = (...filters: string[]): string[] => [
  '-bsf:v',
  [...filters, 'h264_metadata=aud=insert'].join(','),
  '-flush_packets',
  '1',
  '-f',
  'h264',
  'pipe:1',
];
const passOn = ['-map', '0:v:0', '-an', '-c:v', 'copy'];

function encode(encoder: H264Encoder, { fps, bitrateBps, gopSeconds }: CaptureSettings): string[] {
  const gop = String(Math.max(1, Math.round(fps * gopSeconds)));
  const software = [
    '-preset',
    'ultrafast',
    '-tune',
    'zerolatency',
    '-profile:v',
    'baseline',
    '-sc_threshold',
    '0',
  ];
  return [
    '-map',
    '0:v:0',
    '-an',
    '-pix_fmt',
    'yuv420p',
    '-c:v',
    encoder,
    ...(encoder === 'libx264' ? [...software, '-keyint_min', gop] : []),
    '-g',
    gop,
    '-bf',
    '0',
    '-b:v',
    String(bitrateBps),
    '-maxrate',
    String(bitrateBps),
    '-bufsize',
    String(Math.round(bitrateBps / 2)),
  ];
}

const sizeOf = ({ width, height }: CaptureSettings): string => `${width}x${height}`;

/** A moving pattern with the board's time of day burnt in. */
export function testPatternArguments(settings: CaptureSettings): string[] {
  const clock =
    "drawtext=text='%{localtime\\:%Y-%m-%d %H\\\\\\:%M\\\\\\:%S}':fontcolor=white:box=1:boxcolor=black@0.6:fontsize=h/16:x=h/24:y=h-h/8";
  return [
    ...quiet,
    '-re',
    '-f',
    'lavfi',
    '-i',
    `testsrc2=size=${sizeOf(settings)}:rate=${settings.fps}`,
    '-vf',
    clock,
    ...encode('libx264', settings),
    ...annexBToPipe(),
  ];
}

/** A video file at its own pace, once. Its video must be H.264 without B pictures: it is not encoded again. */
export function fileArguments(path: string): string[] {
  return [...quiet, '-re', '-i', `file:${path}`, ...passOn, ...annexBToPipe('h264_mp4toannexb')];
}

/** A camera that encodes H.264 itself. Its keyframe interval is set with v4l2-ctl (h264_i_frame_period). */
export function v4l2Arguments(device: string, settings: CaptureSettings): string[] {
  return [
    ...quiet,
    '-fflags',
    'nobuffer',
    '-f',
    'v4l2',
    '-input_format',
    'h264',
    '-framerate',
    String(settings.fps),
    '-video_size',
    sizeOf(settings),
    '-i',
    device,
    ...passOn,
    ...annexBToPipe(),
  ];
}

/** A camera that delivers raw pictures or MJPEG; ffmpeg encodes. */
export function v4l2RawArguments(device: string, settings: CaptureSettings, encoder: H264Encoder): string[] {
  return [
    ...quiet,
    '-fflags',
    'nobuffer',
    '-f',
    'v4l2',
    '-framerate',
    String(settings.fps),
    '-video_size',
    sizeOf(settings),
    '-i',
    device,
    ...encode(encoder, settings),
    ...annexBToPipe(),
  ];
}

/** A network camera, over TCP. Its own keyframe interval counts: 1 to 2 s is right. */
export function rtspArguments(url: string): string[] {
  return [
    ...quiet,
    '-fflags',
    'nobuffer',
    '-flags',
    'low_delay',
    '-rtsp_transport',
    'tcp',
    '-i',
    url,
    ...passOn,
    ...annexBToPipe(),
  ];
}
