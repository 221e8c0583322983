import { Fragment, type FragmentState, type Segment } from '../fragment.ts';

export const testSegment: Segment = { header: Buffer.from('<header>') };

/** A complete fragment of two pictures, `second` seconds after the epoch and 900 ms long. */
export function fragmentAt(
  second: number,
  {
    state = 'waiting',
    bytes = 100,
    segment = testSegment,
  }: { state?: FragmentState; bytes?: number; segment?: Segment } = {},
): Fragment {
  const fragment = new Fragment(segment, second * 1_000);
  fragment.append(Buffer.alloc(Math.floor(bytes / 2), second), second * 1_000);
  fragment.append(Buffer.alloc(Math.ceil(bytes / 2), second + 1), second * 1_000 + 900);
  fragment.state = state;
  fragment.close();
  return fragment;
}
