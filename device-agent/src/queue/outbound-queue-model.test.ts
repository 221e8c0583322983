import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createLogger } from '../host/logger.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { OutboundQueue } from './outbound-queue.ts';
import type { MessageClass, PublishOutcome } from './queued-message.ts';
import { SimulatedDisk } from './testing/simulated-disk.ts';

/** Small, so that every few messages begin a new file, make one be cleaned and one message be dropped. */
const limits = { maxMessages: 8, maxBytes: 600, segmentBytes: 150, maxMemoryBytes: 150 };
const logger = createLogger({ level: 'silent' });

type Step =
  | { do: 'publish'; class: MessageClass; size: number; wait: boolean }
  | { do: 'deliver'; wait: boolean }
  | { do: 'fill' | 'free' | 'restart' | 'wipe' }
  | { do: 'power cut' | 'kill'; picks: number[] };

const picks = fc.array(fc.nat({ max: 255 }), { minLength: 1, maxLength: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      class: fc.constantFrom('event' as const, 'telemetry' as const),
      size: fc.nat({ max: 60 }),
      wait: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), wait: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('fill' as const, 'free' as const, 'restart' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wipe' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('power cut' as const, 'kill' as const), picks }) },
);

interface Published {
  id: string;
  class: MessageClass;
  outcome: PublishOutcome | undefined;
  delivered: boolean;
  wiped: boolean;
}

/** The queue beside the plainest account of what it was told: what was stored, what was delivered, what was wiped. */
class Model {
  readonly #published: Published[] = [];
  #clock = new FakeClock();
  #disk = new SimulatedDisk();
  #queue = this.#create();
  /** After a crash what was delivered or dropped may come again. */
  #crashed = false;

  async run(steps: readonly Step[]): Promise<void> {
    await this.#queue.open();
    for (const each of steps) {
      await this.#take(each);
      this.#checkBounds();
    }
    await this.#take({ do: 'free' });
    await this.#restart(this.#disk, true);
    await this.#checkLeft();
  }

  async #take(each: Step): Promise<void> {
    switch (each.do) {
      case 'publish':
        return this.#publish(each);
      case 'deliver':
        return this.#deliver(each.wait);
      case 'fill':
        this.#disk.capacity = this.#disk.bytes + 10;
        return;
      case 'free':
        this.#disk.capacity = Number.POSITIVE_INFINITY;
        return this.#clock.advance(30_000);
      case 'restart':
        return this.#restart(this.#disk, true);
      case 'wipe': {
        for (const message of this.#published) message.wiped = true;
        return this.#queue.wipe();
      }
      case 'kill':
      case 'power cut': {
        const pick = pickFrom(each.picks);
        for (let i = pick(3); i > 0; i--) await Promise.resolve();
        this.#crashed = true;
        const next = each.do === 'kill' ? this.#disk.restarted() : this.#disk.powerCut(pick);
        return this.#restart(next, false);
      }
    }
  }

  async #publish({ class: messageClass, size, wait }: Step & { do: 'publish' }): Promise<void> {
    const id = `${this.#published.length}`;
    const message: Published = {
      id,
      class: messageClass,
      outcome: undefined,
      delivered: false,
      wiped: false,
    };
    this.#published.push(message);
    const queue = this.#queue;
    void queue
      .add({ class: messageClass, topic: 't', payload: `${id} `.padEnd(size, 'x') })
      .then((outcome) => {
        // What a process that was killed still says, nobody hears.
        if (queue === this.#queue) message.outcome = outcome;
      });
    if (wait) await settle();
  }

  async #deliver(wait: boolean): Promise<void> {
    const head = this.#queue.head();
    const read = head && (await this.#queue.read(head));
    if (head === undefined || read === undefined) return;
    const message = this.#published[Number(read.payload.split(' ')[0])];
    if (message === undefined) throw new Error('A message that nobody published.');
    expect(message.wiped).toBe(false);
    message.delivered = true;
    this.#queue.remove(head, 'delivered');
    if (wait) await settle();
  }

  async #restart(disk: SimulatedDisk, inOrder: boolean): Promise<void> {
    if (inOrder) {
      disk.capacity = Number.POSITIVE_INFINITY;
      await this.#queue.close();
      await settle();
    }
    this.#disk = inOrder ? disk.restarted() : disk;
    const { dropped, diskFailure } = this.#queue;
    this.#queue = this.#create();
    await this.#queue.open();
    if (inOrder && diskFailure === undefined) expect(this.#queue.dropped).toEqual(dropped);
  }

  #create(): OutboundQueue {
    this.#clock = new FakeClock();
    return new OutboundQueue({
      directory: '/outbox',
      clock: this.#clock,
      logger,
      limits,
      fileSystem: this.#disk,
    });
  }

  #checkBounds(): void {
    expect(this.#queue.depth).toBeLessThanOrEqual(limits.maxMessages);
    expect(this.#queue.bytes).toBeLessThanOrEqual(limits.maxBytes);
  }

  async #checkLeft(): Promise<void> {
    const { event, telemetry } = this.#queue.dropped;
    const left: number[] = [];
    for (let head = this.#queue.head(); head !== undefined; head = this.#queue.head()) {
      const read = await this.#queue.read(head);
      if (read !== undefined) left.push(Number(read.payload.split(' ')[0]));
      this.#queue.remove(head, 'delivered');
    }
    // In the order of publishing, each once.
    expect(left).toEqual([...new Set(left)].sort((a, b) => a - b));
    const missing = this.#published.filter(
      ({ id, outcome, delivered, wiped }) =>
        outcome === 'stored' && !delivered && !wiped && !left.includes(Number(id)),
    );
    // What was promised and is not there was dropped for want of room, and counted.
    expect(missing.length).toBeLessThanOrEqual(event + telemetry);
    expect(missing.filter((message) => message.class === 'event').length).toBeLessThanOrEqual(event);
    for (const id of left) {
      const message = this.#published[id];
      if (!this.#crashed)
        expect(message).toMatchObject({ outcome: 'stored', delivered: false, wiped: false });
    }
    await this.#queue.close();
    expect(this.#clock.pending).toEqual([]);
  }
}

function pickFrom(values: readonly number[]): (max: number) => number {
  let next = 0;
  return (max) => (values[next++ % values.length] ?? 0) % (max + 1);
}

it('keeps what it promised through full disks, kills and power cuts, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), (steps) => new Model().run(steps)),
    { numRuns: 300 },
  );
});
