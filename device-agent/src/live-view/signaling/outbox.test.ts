import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fake-clock.ts';
import type { OutgoingMessage } from './message.ts';
import { Outbox } from './outbox.ts';

const candidate = (clientId: string): OutgoingMessage => ({ action: 'ICE_CANDIDATE', clientId, payload: {} });
const answer = (clientId: string): OutgoingMessage => ({ action: 'SDP_ANSWER', clientId, payload: {} });

describe('messages to viewers', () => {
  let clock: FakeClock;
  let connected: boolean;
  let sent: string[];
  let outbox: Outbox;

  beforeEach(() => {
    clock = new FakeClock();
    connected = true;
    sent = [];
    let correlationId = 0;
    outbox = new Outbox({
      clock,
      newCorrelationId: () => String(++correlationId),
      send: (frame) => {
        const { recipientClientId } = JSON.parse(frame) as { recipientClientId: string };
        if (connected) sent.push(recipientClientId);
        return connected;
      },
    });
  });

  it('go out at once, in order', () => {
    outbox.push(answer('a'));
    outbox.push(candidate('a'));
    outbox.push(candidate('b'));
    expect(sent).toEqual(['a', 'a', 'b']);
  });

  it('stay within 20 candidates a second', async () => {
    for (let i = 0; i < 60; i++) outbox.push(candidate(String(i)));
    expect(sent).toHaveLength(10);
    const perSecond: number[] = [];
    for (let second = 0; second < 3; second++) {
      const before = sent.length;
      await clock.advance(1_000);
      perSecond.push(sent.length - before);
    }
    expect(Math.max(...perSecond)).toBeLessThanOrEqual(17);
    expect(sent).toEqual([...Array(sent.length).keys()].map(String));
    await clock.advance(1_000);
    expect(sent).toHaveLength(60);
  });

  it('stay within 5 answers a second', async () => {
    for (let i = 0; i < 10; i++) outbox.push(answer(String(i)));
    expect(sent).toHaveLength(3);
    await clock.advance(1_000);
    expect(sent).toHaveLength(7);
    await clock.advance(1_000);
    expect(sent).toHaveLength(10);
  });

  it('wait while there is no connection', async () => {
    connected = false;
    outbox.push(answer('a'));
    await clock.advance(10_000);
    connected = true;
    outbox.flush();
    expect(sent).toEqual(['a']);
  });

  it('are dropped when they have waited too long for anybody to need them', async () => {
    connected = false;
    outbox.push(answer('late'));
    await clock.advance(30_001);
    connected = true;
    outbox.push(answer('in time'));
    expect(sent).toEqual(['in time']);
  });

  it('are dropped with their viewer', () => {
    connected = false;
    outbox.push(answer('gone'));
    outbox.push(answer('here'));
    outbox.forget('gone');
    connected = true;
    outbox.flush();
    expect(sent).toEqual(['here']);
  });

  it('end with the outbox', async () => {
    for (let i = 0; i < 30; i++) outbox.push(candidate('a'));
    outbox.stop();
    const before = sent.length;
    await clock.advance(10_000);
    expect(sent).toHaveLength(before);
    expect(clock.pending).toEqual([]);
  });
});
