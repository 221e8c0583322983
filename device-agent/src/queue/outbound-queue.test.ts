import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { OutboundQueue, type QueueLimits } from './outbound-queue.ts';
import type { MessageClass, QueuedMessage } from './queued-message.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';

const message = (payload: string, messageClass: MessageClass = 'event'): QueuedMessage => ({
  class: messageClass,
  topic: 't',
  payload,
});

let clock: FakeClock;
let problems: string[];

beforeEach(() => {
  clock = new FakeClock();
  problems = [];
});

async function openOn(disk: SimulatedDisk, limits: Partial<QueueLimits> = {}): Promise<OutboundQueue> {
  const logger = createLogger({
    level: 'info',
    destination: { write: () => {} },
    onProblem: (_part, _level, sentence) => problems.push(sentence),
  });
  const queue = new OutboundQueue({ directory: '/outbox', clock, logger, limits, fileSystem: disk });
  await queue.open();
  return queue;
}

/** Takes everything out, in order. */
async function drain(queue: OutboundQueue): Promise<string[]> {
  const payloads: string[] = [];
  for (let head = queue.head(); head !== undefined; head = queue.head()) {
    const read = await queue.read(head);
    if (read !== undefined) payloads.push(read.payload);
    queue.remove(head, 'delivered');
  }
  return payloads;
}

describe('what was published', () => {
  it('is on the disk when its promise resolves, and not before', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk);
    let openGate = (): void => {};
    disk.syncGate = new Promise((resolve) => {
      openGate = resolve;
    });
    let outcome: string | undefined;
    const publishing = queue.add(message('e')).then((reached) => {
      outcome = reached;
    });
    await settle();
    expect([outcome, queue.head()]).toEqual([undefined, undefined]);
    openGate();
    await publishing;
    expect(outcome).toBe('stored');
    expect(await drain(await openOn(disk.powerCut(() => 0)))).toEqual(['e']);
  });

  it('together is synced together', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk);
    const outcomes = await Promise.all(Array.from({ length: 500 }, (_, i) => queue.add(message(`${i}`))));
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
    expect(disk.syncs).toBeLessThanOrEqual(3);
    expect(await drain(queue)).toEqual(outcomes.map((_, i) => `${i}`));
  });

  it('comes back in order after a restart, without what was delivered', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk);
    await Promise.all(['a', 'b', 'c'].map((payload) => queue.add(message(payload))));
    const head = queue.head();
    if (head !== undefined) queue.remove(head, 'delivered');
    await queue.close();
    const again = await openOn(disk.restarted());
    await again.add(message('d'));
    expect(await drain(again)).toEqual(['b', 'c', 'd']);
    await again.close();
    expect(await drain(await openOn(disk.restarted()))).toEqual(['b', 'c']);
  });

  it('before the queue was opened comes after what an earlier run left', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk);
    await queue.add(message('old'));
    const next = new OutboundQueue({
      directory: '/outbox',
      clock,
      logger: createLogger({ level: 'silent' }),
      fileSystem: disk.restarted(),
    });
    const early = next.add(message('early'));
    expect(next.head()).toBeUndefined();
    await next.open();
    expect(await early).toBe('stored');
    expect(await drain(next)).toEqual(['old', 'early']);
  });

  it('is refused when no broker would take it', async () => {
    const queue = await openOn(new SimulatedDisk());
    expect(await queue.add(message('x'.repeat(128 * 1024 + 1)))).toBe('dropped');
    expect(await queue.add(message('x'.repeat(128 * 1024)))).toBe('stored');
    expect(problems).toEqual([expect.stringContaining('128 KB')]);
  });
});

describe('room', () => {
  it('is made by the oldest telemetry first and by events last; counted across restarts', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk, { maxMessages: 2 });
    await queue.add(message('e1'));
    await queue.add(message('t1', 'telemetry'));
    await queue.add(message('e2'));
    expect([queue.dropped, queue.healthy]).toEqual([{ event: 0, telemetry: 1 }, true]);
    await queue.add(message('e3'));
    expect([queue.dropped, queue.healthy]).toEqual([{ event: 1, telemetry: 1 }, false]);
    await queue.close();
    const again = await openOn(disk.restarted());
    expect(again.dropped).toEqual({ event: 1, telemetry: 1 });
    expect(await drain(again)).toEqual(['e2', 'e3']);
  });

  it('is bounded in bytes, and so is what the files take', async () => {
    const disk = new SimulatedDisk();
    const limits = { maxBytes: 4_000, segmentBytes: 500 };
    const queue = await openOn(disk, limits);
    // One event stays while thousands of batches come and go: its file has to be cleaned again and again.
    await queue.add(message('kept'));
    for (let i = 0; i < 3_000; i++) {
      await queue.add(message(`${i}`.padEnd(20, 'x'), 'telemetry'));
      expect(queue.bytes).toBeLessThanOrEqual(limits.maxBytes);
      expect(disk.bytes).toBeLessThanOrEqual(limits.maxBytes * 1.5 + 4 * limits.segmentBytes);
    }
    await queue.close();
    const left = await drain(await openOn(disk.restarted(), limits));
    expect(left[0]).toBe('kept');
    expect(left.at(-1)).toContain('2999');
  });

  it('is given back when everything was delivered', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk, { segmentBytes: 500 });
    for (let i = 0; i < 100; i++) await queue.add(message(`${i}`.padEnd(50)));
    expect(disk.names.length).toBeGreaterThan(10);
    await drain(queue);
    await queue.add(message('next'));
    await queue.close();
    expect(disk.names.length).toBeLessThanOrEqual(2);
  });
});

describe('a damaged file', () => {
  const publishedOn = async (disk: SimulatedDisk, payloads: string[]): Promise<void> => {
    const queue = await openOn(disk);
    for (const payload of payloads) await queue.add(message(payload));
    await queue.close();
  };

  it('torn at any byte of its tail gives back all before it, and is appended to', async () => {
    const disk = new SimulatedDisk();
    await publishedOn(disk, ['a', 'b']);
    const [name = ''] = disk.names;
    const whole = disk.content(name);
    const sizeOfOne = 24;
    for (let length = whole.length - sizeOfOne; length < whole.length; length++) {
      const torn = disk.restarted();
      torn.setContent(name, whole.subarray(0, length));
      const queue = await openOn(torn);
      expect(await queue.add(message('c'))).toBe('stored');
      await queue.close();
      expect(await drain(await openOn(torn.restarted()))).toEqual(['a', 'c']);
    }
    expect(problems).toEqual([]);
  });

  it('with any byte flipped loses at most the message it is in, and says so', async () => {
    const disk = new SimulatedDisk();
    await publishedOn(disk, ['a', 'b', 'c']);
    const [name = ''] = disk.names;
    const whole = disk.content(name);
    for (let at = 0; at < whole.length; at++) {
      const flipped = disk.restarted();
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ 0x55;
      flipped.setContent(name, bytes);
      const left = await drain(await openOn(flipped));
      expect(['a', 'b', 'c'].filter((payload) => !left.includes(payload)).length).toBeLessThanOrEqual(1);
      expect([...left].sort()).toEqual(left);
    }
    expect(new Set(problems)).toEqual(new Set([expect.stringContaining('damaged in places')]));
  });

  it('that is damaged while the agent runs loses that message only', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk);
    for (const payload of ['a', 'b']) await queue.add(message(payload));
    const [name = ''] = disk.names;
    const bytes = Buffer.from(disk.content(name));
    bytes[bytes.indexOf('ta', 0) + 1] = 0;
    disk.setContent(name, bytes);
    expect(await drain(queue)).toEqual(['b']);
    expect(queue.dropped).toEqual({ event: 1, telemetry: 0 });
    expect(problems).toEqual([expect.stringContaining('cannot be read')]);
  });
});

describe('a disk that takes nothing', () => {
  it('full: messages go out from memory, then to the disk when there is room again', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk);
    await queue.add(message('stored'));
    disk.capacity = disk.bytes;
    const inMemory = queue.add(message('in memory'));
    const delivered = queue.add(message('delivered'));
    await settle();
    expect(queue.diskFailure?.message).toContain('ENOSPC');
    expect(queue.healthy).toBe(false);
    expect(problems).toEqual([expect.stringMatching(/no space left.*free space/)]);
    const first = queue.head();
    if (first !== undefined) queue.remove(first, 'delivered');
    const second = queue.head();
    expect(second && (await queue.read(second))?.payload).toBe('in memory');

    await clock.advance(30_000);
    expect(queue.healthy).toBe(false);
    disk.capacity = Number.POSITIVE_INFINITY;
    await clock.advance(30_000);
    expect([await inMemory, await delivered, queue.healthy]).toEqual(['stored', 'stored', true]);
    expect(problems).toHaveLength(1);
    await queue.close();
    expect(await drain(await openOn(disk.restarted()))).toEqual(['in memory', 'delivered']);
  });

  it('full: what the cloud took from memory counts as delivered', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk);
    disk.capacity = 0;
    const outcome = queue.add(message('e'));
    await settle();
    expect(await drain(queue)).toEqual(['e']);
    expect(await outcome).toBe('delivered');
  });

  it('full for long: memory is bounded, telemetry goes first, no file is left behind by each attempt', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk, { maxMemoryBytes: 80 });
    disk.capacity = 30;
    const outcomes = [
      queue.add(message('e1')),
      queue.add(message('t1', 'telemetry')),
      queue.add(message('t2', 'telemetry')),
      queue.add(message('e2')),
      queue.add(message('e3')),
    ];
    await settle();
    expect(queue.dropped).toEqual({ event: 0, telemetry: 2 });
    for (let i = 0; i < 20; i++) await clock.advance(30_000);
    expect(disk.names.length).toBeLessThanOrEqual(1);
    await queue.close();
    expect(await Promise.all(outcomes)).toEqual(Array.from({ length: 5 }, () => 'dropped'));
    expect(problems.at(-1)).toContain('are lost');
    expect(clock.pending).toEqual([]);
  });

  it('read-only from the start: what was there is taken up when it is writable', async () => {
    const disk = new SimulatedDisk();
    const earlier = await openOn(disk);
    await earlier.add(message('old'));
    const now = disk.restarted();
    now.readOnly = true;
    const queue = await openOn(now);
    const outcome = queue.add(message('new'));
    await settle();
    expect(problems).toEqual([expect.stringContaining('EROFS')]);
    now.readOnly = false;
    await clock.advance(30_000);
    expect(await outcome).toBe('stored');
    expect(await drain(queue)).toEqual(['old', 'new']);
  });
});

describe('wiping', () => {
  it('forgets everything for good, in memory and on the disk, and goes on', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk, { segmentBytes: 200 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => queue.add(message(`secret ${i}`))));
    const pending = queue.add(message('secret too'));
    const wiping = queue.wipe();
    const after = queue.add(message('new owner'));
    await wiping;
    expect([await pending, await after, queue.dropped.event]).toEqual([expect.any(String), 'stored', 0]);
    for (const name of disk.names) expect(disk.content(name).toString()).not.toContain('secret');
    const survivor = await openOn(disk.powerCut(() => 0));
    expect(await drain(survivor)).toEqual(['new owner']);
  });

  it('says when the disk does not let it', async () => {
    const disk = new SimulatedDisk();
    const queue = await openOn(disk);
    await queue.add(message('e'));
    disk.readOnly = true;
    await expect(queue.wipe()).rejects.toThrow('EROFS');
    disk.readOnly = false;
    await queue.wipe();
    await queue.close();
    expect((await openOn(disk.restarted())).depth).toBe(0);
  });
});
