import { expect, it } from '@jest/globals';
import type { Part } from './part.ts';
import { startInOrder, stopInReverse } from './start-order.ts';

const calls: string[] = [];
const part = (name: string, start: () => void = () => {}): Part => ({
  name,
  start: async () => {
    calls.push(`start ${name}`);
    start();
  },
  stop: async () => {
    calls.push(`stop ${name}`);
    if (name === 'c') throw new Error('c does not stop');
  },
  health: () => ({ ok: true, detail: '' }),
});

it('starts in order, stops in reverse, and stops the rest when one will not', async () => {
  calls.length = 0;
  const parts = [part('a'), part('b'), part('c'), part('d')];
  await startInOrder(parts, new AbortController().signal);
  await expect(stopInReverse(parts)).rejects.toThrow('c does not stop');
  expect(calls).toEqual('start a,start b,start c,start d,stop d,stop c,stop b,stop a'.split(','));
});

it('stops what runs when a start fails or is aborted half-way', async () => {
  calls.length = 0;
  const failing = part('b', () => {
    throw new Error('b failed');
  });
  await expect(startInOrder([part('a'), failing], new AbortController().signal)).rejects.toThrow('b failed');
  expect(calls).toContain('stop a');

  calls.length = 0;
  const abort = new AbortController();
  const aborting = part('a', () => abort.abort());
  await expect(startInOrder([aborting, part('b')], abort.signal)).rejects.toThrow();
  expect(calls).toEqual(['start a', 'stop b', 'stop a']);
});
