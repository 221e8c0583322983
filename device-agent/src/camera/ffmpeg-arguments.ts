import type { CaptureSettings } from './camera-source.ts';
import { encoderArguments, encoderSetup, type H264Encoder } from './encoder.ts';
import type { SoundSpecification } from './sound.ts';
import { words } from './words.ts';

/**
 * Command lines of ffmpeg, one per kind of source. All write Annex B to standard output with a delimiter before each
 * picture and nothing but errors to standard error, and take nothing from standard input. Sound goes to file descriptor 3 as
 * AAC in ADTS.
 */
const quiet = words('-hide_banner -nostdin -loglevel error');
const annexBToPipe = (...filters: string[]): string[] => [
  '-bsf:v',
  [...filters, 'h264_metadata=aud=insert'].join(','),
  ...words('-flush_packets 1 -f h264 pipe:1'),
];
const passOn = words('-map 0:v:0 -an -c:v copy');

/** Speech at a rate that costs little beside the pictures: 16 frames a second, one channel. */
const adtsToPipe = (input: number): string[] => [
  ...words(`-map ${input}:a:0 -vn -c:a aac -b:a 32k -ac 1 -ar 16000`),
  ...words('-flush_packets 1 -f adts pipe:3'),
];

export interface FfmpegCapture {
  settings: CaptureSettings;
  encoder: H264Encoder;
  sound: SoundSpecification;
}

const sizeOf = ({ width, height }: CaptureSettings): string => `${width}x${height}`;

/** A sound card beside the first input. */
function soundCard({ sound }: FfmpegCapture): string[] {
  return sound.kind === 'alsa' ? [...words('-thread_queue_size 512 -f alsa -i'), sound.device] : [];
}

/** The second output, if there is sound; `own` is the input that brings the source's own. */
function soundOutput({ sound }: FfmpegCapture, own = 0): string[] {
  if (sound.kind === 'none') return [];
  return adtsToPipe(sound.kind === 'alsa' ? 1 : own);
}

/** A moving pattern with the board's time of day burnt in; its own sound is a tone with a beep each second. */
export function testPatternArguments(capture: FfmpegCapture): string[] {
  const { settings, encoder, sound } = capture;
  const clock =
    "drawtext=text='%{localtime\\:%Y-%m-%d %H\\\\\\:%M\\\\\\:%S}':fontcolor=white:box=1:boxcolor=black@0.6:fontsize=h/16:x=h/24:y=h-h/8";
  const tone = words('-re -f lavfi -i sine=frequency=220:beep_factor=4:sample_rate=16000');
  return [
    ...quiet,
    ...encoderSetup(encoder),
    ...words(`-re -f lavfi -i testsrc2=size=${sizeOf(settings)}:rate=${settings.fps}`),
    ...(sound.kind === 'source' ? tone : soundCard(capture)),
    ...encoderArguments(encoder, settings, [clock]),
    ...annexBToPipe(),
    ...soundOutput(capture, 1),
  ];
}

/** A video file at its own pace, once. Its video must be H.264 without B pictures: it is not encoded again. */
export function fileArguments(path: string, capture: FfmpegCapture): string[] {
  return [
    ...quiet,
    '-re',
    '-i',
    `file:${path}`,
    ...soundCard(capture),
    ...passOn,
    ...annexBToPipe('h264_mp4toannexb'),
    ...soundOutput(capture),
  ];
}

/** A camera that encodes H.264 itself. Its keyframe interval is set with v4l2-ctl (h264_i_frame_period). */
export function v4l2Arguments(device: string, capture: FfmpegCapture): string[] {
  const { settings } = capture;
  return [
    ...quiet,
    ...words('-fflags nobuffer -f v4l2 -input_format h264'),
    ...words(`-framerate ${settings.fps} -video_size ${sizeOf(settings)} -i`),
    device,
    ...soundCard(capture),
    ...passOn,
    ...annexBToPipe(),
    ...soundOutput(capture),
  ];
}

/** A camera that delivers raw pictures or MJPEG; ffmpeg encodes. */
export function v4l2RawArguments(device: string, capture: FfmpegCapture): string[] {
  const { settings, encoder } = capture;
  return [
    ...quiet,
    ...encoderSetup(encoder),
    ...words('-fflags nobuffer -f v4l2'),
    ...words(`-framerate ${settings.fps} -video_size ${sizeOf(settings)} -i`),
    device,
    ...soundCard(capture),
    ...encoderArguments(encoder, settings),
    ...annexBToPipe(),
    ...soundOutput(capture),
  ];
}

/**
 * A network camera, over TCP. Its own keyframe interval counts: 1 to 2 s is right. Cameras may send their parameter sets in
 * the description alone (RFC 6184, section 8.2.1), so they are put before each keyframe.
 */
export function rtspArguments(url: string, capture: FfmpegCapture): string[] {
  return [
    ...quiet,
    ...words('-fflags nobuffer -flags low_delay -rtsp_transport tcp -i'),
    url,
    ...soundCard(capture),
    ...passOn,
    ...annexBToPipe('dump_extra=freq=keyframe'),
    ...soundOutput(capture),
  ];
}
