import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SessionDescription } from 'werift';
import { narrowOffer } from './narrow-offer.ts';
import { refusingAnswer } from './refusing-answer.ts';
import { chooseH264, readOffer, type SessionOffer } from './session-offer.ts';

/** Chromium 156: audio both ways, video to receive, a data channel. */
const chromium = readFileSync(
  join(process.cwd(), 'device-agent/src/live-view/testing/chromium-offer.sdp'),
  'utf8',
);
const read = (sdp: string): SessionOffer => {
  const offer = readOffer(sdp);
  if (offer === undefined) throw new Error('no offer');
  return offer;
};
const withVideo = (...lines: string[]): SessionOffer =>
  read(['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', ...lines].join('\r\n'));

describe('an offer', () => {
  it('is read by section', () => {
    expect(read(chromium).sections.map(({ kind, mid }) => [kind, mid])).toEqual([
      ['audio', '0'],
      ['video', '1'],
      ['application', '2'],
    ]);
  });

  it.each(['', 'v=1', 'v=0\r\ns=-', 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96', 'v=0\r\nm=nonsense'])(
    'is not %j',
    (sdp) => expect(readOffer(sdp)).toBeUndefined(),
  );
});

describe('the choice of a format', () => {
  it('is Constrained Baseline where the browser has no more of the camera’s profile', () => {
    const baseline = { mid: '1', payloadType: 108, profileLevelId: '42e01f' };
    expect(chooseH264(read(chromium), '6400')).toEqual(baseline);
    expect(chooseH264(read(chromium))).toEqual(baseline);
  });

  it('is the camera’s own profile where the browser has it', () => {
    expect(chooseH264(read(chromium), '4d00')).toMatchObject({ payloadType: 116, profileLevelId: '4d001f' });
  });

  it.each([
    ['packetization mode 0', 'a=fmtp:96 packetization-mode=0', 'a=recvonly'],
    ['no mode', 'a=fmtp:96 profile-level-id=42e01f', 'a=recvonly'],
    ['mode 1 and wants to send', 'a=fmtp:96 packetization-mode=1', 'a=sendonly'],
  ])('is none for %s', (_, fmtp, direction) => {
    const lines = ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:v', 'a=rtpmap:96 H264/90000', fmtp, direction];
    expect(chooseH264(withVideo(...lines))).toBeUndefined();
  });

  it('is none without H.264', () => {
    expect(
      chooseH264(withVideo('m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:v', 'a=rtpmap:96 VP8/90000')),
    ).toBeUndefined();
  });
});

describe('a narrowed offer', () => {
  const offer = read(chromium);
  const format = chooseH264(offer);
  if (format === undefined) throw new Error('no format');
  const narrowed = SessionDescription.parse(narrowOffer(offer, format));

  it('has the chosen format and no other', () => {
    const [, video] = narrowed.media;
    expect(video?.fmt).toEqual([108]);
    expect(video?.rtp.codecs.map(({ mimeType, payloadType }) => [mimeType, payloadType])).toEqual([
      ['video/H264', 108],
    ]);
    expect(video?.rtp.codecs[0]?.rtcpFeedback.map(({ type, parameter }) => `${type} ${parameter}`)).toContain(
      'nack pli',
    );
  });

  it('keeps all sections, and is not to be sent to', () => {
    expect(narrowed.media.map(({ kind, direction }) => [kind, direction])).toEqual([
      ['audio', 'inactive'],
      ['video', 'recvonly'],
      ['application', undefined],
    ]);
  });
});

it('a refusing answer has each section of the offer with port 0', () => {
  const answer = SessionDescription.parse(refusingAnswer(read(chromium)));
  expect(answer.media.map(({ kind, port, rtp }) => [kind, port, rtp.muxId])).toEqual([
    ['audio', 0, '0'],
    ['video', 0, '1'],
    ['application', 0, '2'],
  ]);
});
