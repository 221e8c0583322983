import { describe, expect, it } from '@jest/globals';
import { PictureLossIndication, RtcpPayloadSpecificFeedback, RtpPacket } from 'werift';
import { asksForKeyframe } from './rtcp-feedback.ts';
import { RtpStream } from './rtp-stream.ts';
import { RtpTimeline } from './rtp-timeline.ts';

describe('an RTP stream', () => {
  it('numbers packets on, over the end of the range, and marks the last of a picture', () => {
    const stream = new RtpStream({ ssrc: 0xdeadbeef, payloadType: 102, firstSequenceNumber: 65_535 });
    const packets = stream.packets([Buffer.of(1), Buffer.of(2)], 0xfffffff0);
    expect(packets.map((packet) => packet.toString('hex'))).toEqual([
      '8066fffffffffff0deadbeef01',
      '80e60000fffffff0deadbeef02',
    ]);
    const { header, payload } = RtpPacket.deSerialize(packets[1] ?? Buffer.alloc(0));
    expect(header).toMatchObject({ version: 2, marker: true, payloadType: 102, sequenceNumber: 0 });
    expect(payload).toEqual(Buffer.of(2));
  });
});

describe('a timeline', () => {
  it('follows the capture with 90 ticks a millisecond', () => {
    const timeline = new RtpTimeline(1_000);
    const first = timeline.live(1_700_000_000_000);
    expect(timeline.live(1_700_000_000_040) - first).toBe(40 * 90);
    expect(timeline.live(1_700_000_000_073) - first).toBe(73 * 90);
  });

  it('wraps at 32 bits', () => {
    const timeline = new RtpTimeline(2 ** 32 - 1);
    expect(timeline.live(5)).toBe(33 * 90 - 1);
  });

  it('sets kept pictures close together, before the live one', () => {
    const timeline = new RtpTimeline(0);
    expect([timeline.kept(), timeline.kept(), timeline.kept()]).toEqual([1, 2, 3]);
    expect(timeline.live(1_000)).toBe(3 + 33 * 90);
    expect([timeline.kept(), timeline.kept()]).toEqual([4 + 33 * 90, 5 + 33 * 90]);
    expect(timeline.live(1_033)).toBe(3 + 66 * 90);
  });

  it.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ])('goes on evenly when the clock of the board is set %s', (_, jumpMs) => {
    const timeline = new RtpTimeline(0);
    const before = timeline.live(10_000_000);
    const after = timeline.live(10_000_000 + jumpMs);
    expect(after - before).toBe(33 * 90);
    expect(timeline.live(10_000_000 + jumpMs + 10) - after).toBe(900);
  });
});

describe('a request for a keyframe', () => {
  const pli = new RtcpPayloadSpecificFeedback({
    feedback: new PictureLossIndication({ senderSsrc: 1, mediaSsrc: 2 }),
  }).serialize();
  const receiverReport = Buffer.from('80c9000100000001', 'hex');

  it('is a Picture Loss Indication, alone or behind a report', () => {
    expect(asksForKeyframe(pli)).toBe(true);
    expect(asksForKeyframe(Buffer.concat([receiverReport, pli]))).toBe(true);
  });

  it('is a Full Intra Request (RFC 5104, section 4.3.1)', () => {
    expect(asksForKeyframe(Buffer.from('84ce00040000000100000000000000021b000000', 'hex'))).toBe(true);
  });

  it.each(['', '80', '80c9000100000001', '81cd000300000001000000020001ffff', '00ce0002', 'ffffffff'])(
    'is not %s',
    (hex) => {
      expect(asksForKeyframe(Buffer.from(hex, 'hex'))).toBe(false);
    },
  );
});
