import { beforeEach, describe, expect, it } from '@jest/globals';
import { RtpPacket } from 'werift';
import type { AccessUnit } from '../camera/access-unit.ts';
import { clipPictures } from '../streaming/testing/pictures.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { GopCache } from './gop-cache.ts';
import { PictureSender } from './picture-sender.ts';

const clip = clipPictures().map((picture, i) => ({ ...picture, timestampMs: 1_000_000 + i * 67 }));

describe('the pictures on the way to a viewer', () => {
  let clock: FakeClock;
  let gop: GopCache;
  let sent: RtpPacket[];
  let canMakeKeyframes: boolean;
  let keyframesAsked: number;
  let sender: PictureSender;

  beforeEach(() => {
    clock = new FakeClock();
    gop = new GopCache(clock);
    sent = [];
    canMakeKeyframes = false;
    keyframesAsked = 0;
    sender = new PictureSender({
      gop,
      clock,
      ssrc: 7,
      payloadType: 102,
      randomBelow: () => 0,
      send: (packet) => void sent.push(RtpPacket.deSerialize(packet)),
      requestKeyframe: () => {
        keyframesAsked += 1;
        return canMakeKeyframes;
      },
    });
  });

  const capture = (picture: AccessUnit | undefined): void => {
    if (picture === undefined) throw new Error('no picture');
    gop.push(picture);
    sender.push(picture);
  };
  const pictures = (): number => sent.filter(({ header }) => header.marker).length;
  const beginsWithKeyframe = (packet: RtpPacket | undefined): boolean =>
    packet !== undefined && (packet.payload[0] ?? 0) % 32 === 24;

  it('begin with what is kept, at once, and go on live', async () => {
    for (const picture of clip.slice(0, 10)) capture(picture);
    expect(sent).toEqual([]);
    sender.begin();
    await clock.advance(1_000);
    expect(pictures()).toBe(10);
    expect(beginsWithKeyframe(sent[0])).toBe(true);
    // All of them are in the past: decoded at once, the last one seen.
    const [first, last] = [sent[0], sent.at(-1)];
    expect((last?.header.timestamp ?? 0) - (first?.header.timestamp ?? 0)).toBe(9);
    capture(clip[10]);
    await clock.advance(10);
    expect(pictures()).toBe(11);
  });

  it('begin with the next keyframe when nothing is kept', async () => {
    sender.begin();
    for (const picture of clip.slice(10, 17)) capture(picture);
    await clock.advance(1_000);
    expect(pictures()).toBe(2);
    expect(beginsWithKeyframe(sent[0])).toBe(true);
  });

  it('go out evenly: 20 packets in 5 ms', async () => {
    for (const picture of clip.slice(0, 15)) capture(picture);
    sender.begin();
    expect(sent).toHaveLength(20);
    await clock.advance(5);
    expect(sent).toHaveLength(40);
  });

  it('are numbered without a gap', async () => {
    for (const picture of clip.slice(0, 5)) capture(picture);
    sender.begin();
    await clock.advance(500);
    for (const picture of clip.slice(5, 20)) capture(picture);
    await clock.advance(500);
    expect(sent.map(({ header }) => header.sequenceNumber)).toEqual([...sent.keys()]);
    const times = sent.map(({ header }) => header.timestamp);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('are sent again from the last keyframe when the viewer lost one and the camera makes no keyframe at will', async () => {
    for (const picture of clip.slice(0, 5)) capture(picture);
    sender.begin();
    await clock.advance(1_000);
    const before = sent.length;
    sender.onKeyframeRequest();
    await clock.advance(100);
    expect([keyframesAsked, pictures()]).toEqual([1, 10]);
    expect(beginsWithKeyframe(sent[before])).toBe(true);
  });

  it('wait for the new keyframe where the camera makes one', async () => {
    canMakeKeyframes = true;
    for (const picture of clip.slice(0, 5)) capture(picture);
    sender.begin();
    await clock.advance(1_000);
    sender.onKeyframeRequest();
    sender.onKeyframeRequest();
    await clock.advance(100);
    expect([keyframesAsked, pictures()]).toEqual([1, 5]);
  });

  it('are dropped up to the next keyframe when the way does not carry them', async () => {
    sender.begin();
    capture(clip[0]);
    const [, delta] = clip;
    for (let i = 0; i < 6_000; i++) sender.push(delta as AccessUnit);
    await clock.advance(1_000);
    const before = sent.length;
    sender.push(delta as AccessUnit);
    await clock.advance(100);
    expect(sent).toHaveLength(before);
    sender.push(clip[15] as AccessUnit);
    await clock.advance(100);
    expect(beginsWithKeyframe(sent[before])).toBe(true);
  });

  it('stop with the viewer', async () => {
    for (const picture of clip.slice(0, 15)) capture(picture);
    sender.begin();
    sender.stop();
    const before = sent.length;
    capture(clip[15]);
    sender.onKeyframeRequest();
    await clock.advance(1_000);
    expect(sent).toHaveLength(before);
    expect(clock.pending).toEqual([]);
  });
});
