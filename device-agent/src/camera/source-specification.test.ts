import { expect, it } from '@jest/globals';
import { parseSourceSpecification, sourceName, withoutPasswords } from './source-specification.ts';

it.each([
  ['clip', { kind: 'clip' }],
  ['testsrc', { kind: 'testsrc' }],
  ['file:/srv/a b.mp4', { kind: 'file', path: '/srv/a b.mp4' }],
  ['v4l2:/dev/video0', { kind: 'v4l2', device: '/dev/video0' }],
  ['v4l2-raw:/dev/v4l/by-id/cam-1', { kind: 'v4l2-raw', device: '/dev/v4l/by-id/cam-1' }],
  ['rpicam', { kind: 'rpicam', camera: 0 }],
  ['rpicam:1', { kind: 'rpicam', camera: 1 }],
  ['rtsp://10.0.0.9:554/live', { kind: 'rtsp', url: 'rtsp://10.0.0.9:554/live' }],
])('reads %s', (text, expected) => {
  const specification = parseSourceSpecification(text);
  expect(specification).toEqual(expected);
  expect(sourceName(specification)).toBe(text);
});

it.each([
  ['webcam', '"webcam" is no camera source; use clip, testsrc, file:PATH, v4l2:/dev/videoN'],
  ['', '"" is no camera source'],
  ['file:', 'The camera source file: names no path; write file:/path.'],
  ['v4l2:video0', '"video0" is no video device; write v4l2:/dev/video0'],
  ['v4l2:-i /etc/passwd', 'is no video device'],
  ['rtsp:///live', 'is no RTSP address; write rtsp://HOST[:PORT]/PATH.'],
  ['http://joe:secret@cam/', '"http://cam/" is no camera source'],
])('refuses %s with a sentence', (text, sentence) => {
  expect(() => parseSourceSpecification(text)).toThrow(sentence);
});

it('shows no password', () => {
  const specification = parseSourceSpecification('rtsp://joe:se%40cret@cam.local/live');
  expect(sourceName(specification)).toBe('rtsp://cam.local/live');
  expect(withoutPasswords('cannot open rtsp://joe:p@ss@cam/1: and rtsp://x:y@cam/2')).toBe(
    'cannot open rtsp://cam/1: and rtsp://cam/2',
  );
});
