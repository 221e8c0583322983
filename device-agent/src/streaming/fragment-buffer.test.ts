import { expect, it } from '@jest/globals';
import { Fragment, type FragmentState } from './fragment.ts';
import { FragmentBuffer } from './fragment-buffer.ts';

const segment = { header: Buffer.alloc(0) };

function fragmentAt(second: number, state: FragmentState = 'waiting', bytes = 100): Fragment {
  const fragment = new Fragment(segment, second * 1_000);
  fragment.append(Buffer.alloc(bytes), second * 1_000 + 900);
  fragment.state = state;
  fragment.close();
  return fragment;
}

function filled(
  limits: { maxBytes?: number; maxDurationMs?: number },
  ...fragments: Fragment[]
): FragmentBuffer {
  const buffer = new FragmentBuffer({ maxBytes: 1_000, maxDurationMs: 60_000, ...limits });
  for (const fragment of fragments) buffer.add(fragment);
  return buffer;
}

const seconds = (buffer: FragmentBuffer): number[] =>
  buffer.fragments.map(({ timecodeMs }) => timecodeMs / 1_000);

it('drops the oldest when there are too many bytes', () => {
  const buffer = filled({ maxBytes: 250 }, fragmentAt(1), fragmentAt(2), fragmentAt(3), fragmentAt(4));
  buffer.trim();
  expect([seconds(buffer), buffer.dropped, buffer.bytes]).toEqual([[3, 4], 2, 200]);
});

it('drops the oldest when they last too long', () => {
  const buffer = filled({ maxDurationMs: 2_000 }, fragmentAt(1), fragmentAt(2), fragmentAt(3));
  buffer.trim();
  expect([seconds(buffer), buffer.dropped]).toEqual([[2, 3], 1]);
});

it('drops nothing because the clock was set between two fragments', () => {
  const buffer = filled({ maxDurationMs: 2_000 }, fragmentAt(1), fragmentAt(3_601));
  buffer.trim();
  expect([seconds(buffer), buffer.dropped]).toEqual([[1, 3_601], 0]);
});

it('keeps what is being sent or captured', () => {
  const open = new Fragment(segment, 9_000);
  open.append(Buffer.alloc(300), 9_000);
  const buffer = filled({ maxBytes: 250 }, fragmentAt(1, 'sending'), fragmentAt(2), open);
  buffer.trim();
  expect(seconds(buffer)).toEqual([1, 9]);
});

it('counts what it gave up after sending only when that has to be sent again', () => {
  const [first, second] = [fragmentAt(1, 'sent'), fragmentAt(2, 'received')] as const;
  const buffer = filled({ maxBytes: 0 }, first, second);
  buffer.trim();
  expect([buffer.fragments.length, buffer.dropped]).toEqual([0, 0]);
  buffer.sendAgain(first);
  expect(buffer.dropped).toBe(1);
});

it('forgets what is held uncounted, and sends it after an event', () => {
  const buffer = filled({}, fragmentAt(1, 'held'), fragmentAt(2, 'held'), fragmentAt(3, 'held'));
  buffer.forgetHeldBefore(2_000);
  expect([seconds(buffer), buffer.dropped, buffer.nextWaiting()]).toEqual([[2, 3], 0, undefined]);
  buffer.sendHeld();
  expect(buffer.nextWaiting()?.timecodeMs).toBe(2_000);
});

it('forgets what waits when the board changes hands, and counts none of it as lost', () => {
  const open = new Fragment(segment, 9_000);
  open.append(Buffer.alloc(300), 9_000);
  const [sent, held] = [fragmentAt(2, 'sent'), fragmentAt(4, 'held')] as const;
  const buffer = filled({}, fragmentAt(1, 'sending'), sent, fragmentAt(3), held, open);
  buffer.forgetAll();
  expect([seconds(buffer), buffer.dropped, sent.released, held.released]).toEqual([[1, 9], 0, true, true]);
});
