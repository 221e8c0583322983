import { expect, it } from '@jest/globals';
import { EventWindow } from './event-window.ts';

const motion = { id: '01JD4Q0000000000000000000A', type: 'motion' };
const alarm = { id: '01JD4Q0000000000000000000B', type: 'alarm' };

it('names the events that a fragment shows', () => {
  const window = new EventWindow();
  expect([window.isOpen(0), window.tagsAt(0)]).toEqual([false, []]);
  window.open(1_000, 30_000, motion);
  window.open(2_000, 30_000, alarm);
  window.open(2_000, 30_000, alarm);
  expect(window.tagsAt(31_999)).toEqual([
    { name: 'event_id', value: `${motion.id},${alarm.id}` },
    { name: 'event_type', value: 'motion,alarm' },
  ]);
  expect([window.isOpen(32_000), window.tagsAt(32_000)]).toEqual([false, []]);
});

it('forgets the events of a time that has passed, and is not made shorter', () => {
  const window = new EventWindow();
  window.open(0, 30_000, motion);
  window.open(1_000, 5_000, alarm);
  expect(window.isOpen(29_999)).toBe(true);
  window.open(60_000, 5_000, alarm);
  expect(window.tagsAt(60_000)[0]).toEqual({ name: 'event_id', value: alarm.id });
});

it('keeps to what a tag may hold, however often it rings', () => {
  const window = new EventWindow();
  for (let i = 0; i < 50; i++)
    window.open(i, 30_000, { id: `01JD4Q000000000000000000${String(i).padStart(2, '0')}`, type: 'alarm' });
  const [ids, types] = window.tagsAt(50);
  expect(Buffer.byteLength(ids?.value ?? '')).toBeLessThanOrEqual(256);
  expect(ids?.value).toMatch(/49$/);
  expect(types?.value).toBe('alarm');
});
