/**
 * Publishes without end into the queue of a directory and says what became of each message, one line each, before it
 * goes on: `stored N`, `delivered N` when it takes one out as if the cloud had it, `full` and `again` when the disk takes
 * nothing and when it does again. Meant to be killed.
 *
 *     queue-writer DIRECTORY FIRST-NUMBER
 */
import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type Clock, systemClock } from '../../host/clock.ts';
import { createLogger } from '../../host/logger.ts';
import { OutboundQueue } from '../outbound-queue.ts';

/** A pipe takes a line at once: what was said before a kill -9 is heard. */
const say = (line: string): void => void writeSync(1, `${line}\n`);

/** Waits a hundredth of the time, and keeps the process alive meanwhile. */
const hurried: Clock = {
  ...systemClock,
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms / 100);
    return () => clearTimeout(timer);
  },
};

const publishers = 8;
/** So many messages wait before the first is taken out, and before no more are published: there is room for all. */
const kept = 50;
const most = 150;

const [directory = '', first = '0'] = process.argv.slice(2);
const limits = { segmentBytes: 16 * 1024, maxBytes: 64 * 1024, maxMessages: 10_000 };
const queue = new OutboundQueue({
  directory,
  clock: hurried,
  logger: createLogger({ level: 'silent' }),
  limits,
});
let next = Number(first);
let failing = false;

async function publishForEver(): Promise<never> {
  for (;;) {
    const number = next++;
    const messageClass = number % 3 === 0 ? 'telemetry' : 'event';
    const outcome = await queue.add({
      class: messageClass,
      topic: 't',
      payload: `${number} `.padEnd(200, 'x'),
    });
    if (outcome !== 'delivered') say(`${outcome} ${number}`);
    do await setImmediate();
    while (queue.depth > most);
  }
}

async function deliver(): Promise<never> {
  for (;;) {
    await setImmediate();
    if (failing !== (queue.diskFailure !== undefined)) {
      failing = !failing;
      say(failing ? 'full' : 'again');
    }
    const head = queue.depth > kept || failing ? queue.head() : undefined;
    const message = head && (await queue.read(head));
    if (head === undefined || message === undefined) continue;
    say(`delivered ${message.payload.split(' ')[0]}`);
    queue.remove(head, 'delivered');
  }
}

say('started');
void queue.open().then(() => Promise.all([deliver(), ...Array.from({ length: publishers }, publishForEver)]));
