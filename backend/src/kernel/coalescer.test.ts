import { EventEmitter, on } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Coalescer } from './coalescer.ts';

interface Run {
  items: number[];
  /** Ends it well: everything doubled. */
  end(): void;
  fail(message: string): void;
}

/** Runs that end when the test says so. */
function stand({ lanes = 1, maxItems = 10 } = {}) {
  const started = new EventEmitter<{ run: [Run] }>();
  const coalescer = new Coalescer<number, number>(
    (items) =>
      new Promise((resolve, reject) =>
        started.emit('run', {
          items,
          end: () => resolve(items.map((item) => item * 2)),
          fail: (message) => reject(new Error(message)),
        }),
      ),
    { lanes, maxItems, isWorthAlone: (error) => (error as Error).message !== 'all are lost' },
  );
  const runs = on(started, 'run');
  const nextRun = async (): Promise<Run> => ((await runs.next()).value as [Run])[0];
  return { add: (...items: number[]) => items.map((item) => coalescer.add(item)), nextRun };
}

describe('Coalescer', () => {
  it('runs at once what comes alone, and together what comes meanwhile', async () => {
    const { add, nextRun } = stand();
    const results = add(1, 2, 3);
    const first = await nextRun();
    expect(first.items).toEqual([1]);
    first.end();
    const second = await nextRun();
    expect(second.items).toEqual([2, 3]);
    second.end();
    expect(await Promise.all(results)).toEqual([2, 4, 6]);

    const later = add(4);
    (await nextRun()).end();
    expect(await Promise.all(later)).toEqual([8]);
  });

  it('keeps to its lanes and to the size of a run', async () => {
    const { add, nextRun } = stand({ lanes: 2, maxItems: 2 });
    const results = add(1, 2, 3, 4, 5);
    const [one, two] = [await nextRun(), await nextRun()];
    expect([one.items, two.items]).toEqual([[1], [2]]);
    two.end();
    const three = await nextRun();
    expect(three.items).toEqual([3, 4]);
    one.end();
    const four = await nextRun();
    expect(four.items).toEqual([5]);
    for (const run of [four, three]) run.end();
    expect(await Promise.all(results)).toEqual([2, 4, 6, 8, 10]);
  });

  it('lets nobody fail because of another', async () => {
    const { add, nextRun } = stand();
    const results = Promise.allSettled(add(1, 2, 3, 4));
    (await nextRun()).end();
    (await nextRun()).fail('3 does not go');
    (await nextRun()).end();
    const alone = await nextRun();
    expect(alone.items).toEqual([3]);
    alone.fail('3 does not go');
    (await nextRun()).end();
    expect(await results).toEqual([
      { status: 'fulfilled', value: 2 },
      { status: 'fulfilled', value: 4 },
      { status: 'rejected', reason: new Error('3 does not go') },
      { status: 'fulfilled', value: 8 },
    ]);
  });

  it('fails all of a run together when trying one by one is no use', async () => {
    const { add, nextRun } = stand();
    const results = Promise.allSettled(add(1, 2, 3));
    (await nextRun()).end();
    (await nextRun()).fail('all are lost');
    const reason = new Error('all are lost');
    expect(await results).toEqual([
      { status: 'fulfilled', value: 2 },
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
  });

  it('gives everybody the own result, whatever comes when and fails where', () =>
    fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.integer(), { maxLength: 30 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 5 }),
        async (scheduler, items, lanes, maxItems) => {
          const isBad = (item: number): boolean => item % 5 === 0;
          const run = scheduler.scheduleFunction(async (group: number[]) => {
            if (group.some(isBad)) throw new Error(`one of ${group.length}`);
            return group.map((item) => item * 2);
          });
          const coalescer = new Coalescer(run, { lanes, maxItems, isWorthAlone: () => true });
          const results = Promise.allSettled(items.map((item) => coalescer.add(item)));
          await scheduler.waitFor(results);
          expect(await results).toEqual(
            items.map((item) =>
              isBad(item)
                ? { status: 'rejected', reason: new Error('one of 1') }
                : { status: 'fulfilled', value: item * 2 },
            ),
          );
        },
      ),
    ));
});
