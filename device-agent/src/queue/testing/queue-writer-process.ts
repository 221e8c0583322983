import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { systemClock } from '../../host/clock.ts';
import { createLogger } from '../../host/logger.ts';
import { OutboundQueue } from '../outbound-queue.ts';

const run = promisify(execFile);

/** Bundles `queue-writer.ts` as the agent is bundled, into the directory; answers the program. */
export async function bundleQueueWriter(directory: string): Promise<string> {
  const program = join(import.meta.dirname, 'queue-writer.ts');
  await run(process.execPath, [join(import.meta.dirname, '../../../build.ts'), directory, program]);
  return join(directory, 'queue-writer.cjs');
}

/** A queue in a directory and what its writers, of which each is killed in the end, said of it. */
export class KilledQueue {
  readonly #program: string;
  readonly #directory: string;
  readonly stored = new Set<number>();
  readonly delivered = new Set<number>();
  dropped = 0;
  #lives = 0;

  constructor(program: string, directory: string) {
    this.#program = program;
    this.#directory = directory;
  }

  /** Lets a writer run until `until` answers true to one of its lines, then kills it. */
  async runUntil(until: (line: string, writer: ChildProcess) => boolean | Promise<boolean>): Promise<void> {
    const first = (this.#lives += 1) * 1_000_000;
    const node = process.env.AOVIS_BOARD_NODE ?? process.execPath;
    const writer = spawn(node, [this.#program, this.#directory, `${first}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(writer, 'close');
    let killed = false;
    for await (const line of createInterface({ input: writer.stdout })) {
      this.#note(line);
      if (killed || !(await until(line, writer))) continue;
      killed = true;
      writer.kill('SIGKILL');
    }
    await ended;
    if (!killed) throw new Error('The writer ended before it was killed.');
  }

  /** The numbers of the messages that the next start finds, in its order. */
  async left(): Promise<number[]> {
    const queue = new OutboundQueue({
      directory: this.#directory,
      clock: systemClock,
      logger: createLogger({ level: 'silent' }),
    });
    await queue.open();
    const numbers: number[] = [];
    for (let head = queue.head(); head !== undefined; head = queue.head()) {
      numbers.push(Number((await queue.read(head))?.payload.split(' ')[0]));
      queue.remove(head, 'delivered');
    }
    await queue.close();
    return numbers;
  }

  #note(line: string): void {
    const [word, number] = line.split(' ');
    if (word === 'stored') this.stored.add(Number(number));
    if (word === 'delivered') this.delivered.add(Number(number));
    if (word === 'dropped') this.dropped += 1;
  }
}
