import { expect, it } from '@jest/globals';
import { parseSourceSpecification } from '../camera/source-specification.ts';
import { refuseBeyondCamera } from './board-limits.ts';

it.each([
  ['testsrc', 'camera.bitrate_bps', 500_000, undefined],
  ['rpicam', 'stream.adaptive', true, undefined],
  ['v4l2-raw:/dev/video0', 'camera.gop_s', 1, undefined],
  ['v4l2:/dev/video0', 'camera.fps', 10, undefined],
  ['v4l2:/dev/video0', 'camera.bitrate_bps', 500_000, /encodes by itself/],
  ['v4l2:/dev/video0', 'stream.adaptive', true, /encodes by itself/],
  ['clip', 'camera.width', 640, /come encoded as they are/],
  ['rtsp://cam/1', 'stream.adaptive', true, /come encoded as they are/],
  ['clip', 'stream.adaptive', false, undefined],
  ['clip', 'stream.mode', 'off', undefined],
  ['rpicam', 'camera.rotation', 90, /cannot turn/],
] as const)('%s, asked for %s %s', (source, key, value, refusal) => {
  const reason = refuseBeyondCamera(parseSourceSpecification(source))(key, value);
  if (refusal === undefined) expect(reason).toBeUndefined();
  else expect(reason).toMatch(refusal);
});
