import { expect, it } from '@jest/globals';
import { encoderArguments, encoderSetup, h264Encoders } from './encoder.ts';
import { testPatternArguments, v4l2RawArguments } from './ffmpeg-arguments.ts';
import { rpicamArguments } from './rpicam-arguments.ts';

const settings = { width: 1280, height: 720, fps: 15, bitrateBps: 1_000_000, gopSeconds: 2 };

it.each([
  [
    'libx264',
    '-map 0:v:0 -an -pix_fmt yuv420p -c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -sc_threshold 0 -keyint_min 30 -g 30 -bf 0 -b:v 1000000 -maxrate 1000000 -bufsize 500000',
  ],
  [
    'h264_v4l2m2m',
    '-map 0:v:0 -an -pix_fmt yuv420p -c:v h264_v4l2m2m -g 30 -bf 0 -b:v 1000000 -maxrate 1000000 -bufsize 500000',
  ],
  [
    'h264_omx',
    '-map 0:v:0 -an -pix_fmt yuv420p -c:v h264_omx -profile:v baseline -g 30 -bf 0 -b:v 1000000 -maxrate 1000000 -bufsize 500000',
  ],
  [
    'h264_nvmpi',
    '-map 0:v:0 -an -pix_fmt yuv420p -c:v h264_nvmpi -g 30 -bf 0 -b:v 1000000 -maxrate 1000000 -bufsize 500000',
  ],
  [
    'h264_vaapi',
    '-map 0:v:0 -an -vf format=nv12,hwupload -c:v h264_vaapi -profile:v constrained_baseline -rc_mode CBR -g 30 -bf 0 -b:v 1000000 -maxrate 1000000 -bufsize 500000',
  ],
  [
    'h264_rkmpp',
    '-map 0:v:0 -an -pix_fmt yuv420p -c:v h264_rkmpp -g 30 -bf 0 -b:v 1000000 -maxrate 1000000 -bufsize 500000',
  ],
] as const)('asks %s for no B pictures and for keyframes at the wished interval', (encoder, line) => {
  expect(encoderArguments(encoder, settings).join(' ')).toBe(line);
});

it('knows a device for the one encoder that needs it, before the inputs', () => {
  expect(h264Encoders.filter((encoder) => encoderSetup(encoder).length > 0)).toEqual(['h264_vaapi']);
  const capture = { settings, encoder: 'h264_vaapi', sound: { kind: 'none' } } as const;
  const line = testPatternArguments(capture);
  expect(line.indexOf('-vaapi_device')).toBeLessThan(line.indexOf('-i'));
  expect(line[line.indexOf('-vf') + 1]).toMatch(/^drawtext=.*,format=nv12,hwupload$/);
});

it('adds the sound of a card as a second input and a second output', () => {
  const capture = { settings, encoder: 'libx264', sound: { kind: 'alsa', device: 'hw:1' } } as const;
  const line = v4l2RawArguments('/dev/video0', capture).join(' ');
  expect(line).toContain('-i /dev/video0 -thread_queue_size 512 -f alsa -i hw:1 -map 0:v:0');
  expect(line).toMatch(
    /-f h264 pipe:1 -map 1:a:0 -vn -c:a aac -b:a 32k -ac 1 -ar 16000 -flush_packets 1 -f adts pipe:3$/,
  );
});

it('has rpicam-vid repeat parameter sets and put a keyframe where a fragment begins', () => {
  expect(rpicamArguments(1, settings).join(' ')).toBe(
    '--camera 1 --timeout 0 --nopreview --width 1280 --height 720 --framerate 15 --codec h264 --profile baseline --inline --flush --intra 30 --bitrate 1000000 --output -',
  );
});
