import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { isProvisioned } from '../journal/journal-state.ts';
import { FactoryFixture, serialOf } from './factory-fixture.ts';
import type { Fault } from './fake-iot-server.ts';

/*
 * `node provisioning-tool/src/testing/torture.ts [--kills 200] [--seed 1] [--latest 2500]`: runs of the tool, killed with SIGKILL at random
 * instants, on a cloud that throttles, fails, hangs, cuts and loses answers. After every kill nothing may be ACTIVE that
 * nobody has; in the end every board must be there once. Ends with 1 and says what is wrong if not.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    /** The latest instant of a kill, in milliseconds from the start of the process. */
    latest: { type: 'string', default: '2500' },
  },
});
const kills = Number(values.kills);
const boardsPerBatch = 24;
/** Of ten runs so many are of `batch run`; the others change a finished board. */
const batchRunsOfTen = 7;
const main = join(import.meta.dirname, '..', 'main.ts');

/** Mulberry32: the same seed, the same kills and faults. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomFrom(Number(values.seed));
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const cloudFaults: readonly Fault[] = [
  { kind: 'refuse', status: 400, code: 'ThrottlingException' },
  { kind: 'refuse', status: 503, code: 'ServiceUnavailableException' },
  { kind: 'cut' },
  { kind: 'lose' },
  { kind: 'hang' },
];

class Torture {
  readonly #factory = new FactoryFixture();
  readonly #done: string[] = [];
  readonly #problems: string[] = [];
  readonly #counts = { runs: 0, kills: 0, ends: 0, faults: 0, changes: 0 };
  /** The change that is under way, to be gone on with. */
  #change: string[] | undefined;
  #batches = 0;
  #csv = '';

  async run(): Promise<boolean> {
    const factory = this.#factory;
    await factory.start();
    try {
      await factory.prepare();
      factory.iot.options.fault = () => {
        if (random() > 0.06) return undefined;
        this.#counts.faults += 1;
        return pick(cloudFaults);
      };
      factory.backend.fault = () => pick([undefined, undefined, undefined, 503, 'lose']);
      await this.#nextBatch();
      while (this.#counts.kills < kills) await this.#oneRun();
      factory.iot.options.fault = () => undefined;
      factory.backend.fault = () => undefined;
      await this.#settle();
    } finally {
      await factory.stop();
    }
    const { runs, ends, faults, changes } = this.#counts;
    say(
      `${this.#counts.kills} kills in ${runs} runs (${ends} came to their end), ${faults} faults of the cloud, ` +
        `${this.#batches} batches of ${boardsPerBatch} boards, ${changes} changes of finished boards: ` +
        (this.#problems.length === 0 ? 'none twice, none lost, no orphan.' : 'NOT RIGHT:'),
    );
    for (const problem of this.#problems) say(`  ${problem}`);
    return this.#problems.length === 0;
  }

  async #nextBatch(): Promise<void> {
    const first = this.#batches * boardsPerBatch + 1;
    const rows = Array.from({ length: boardsPerBatch }, (_, i) => `${serialOf(first + i)},n4k,`);
    this.#batches += 1;
    this.#csv = await this.#factory.writeCsv(
      `batch-${this.#batches}.csv`,
      ['serial,model,iccid', ...rows, ''].join('\n'),
    );
  }

  async #oneRun(): Promise<void> {
    const isBatchRun = this.#done.length === 0 || random() * 10 < batchRunsOfTen;
    if (isBatchRun) {
      if ((await this.#start(['batch', 'run', this.#csv])) !== 0) return;
      this.#done.push(`batch-${this.#batches}`);
      await this.#nextBatch();
      return;
    }
    this.#change ??= await this.#someChange();
    if ((await this.#start(this.#change)) !== 0) return;
    this.#counts.changes += 1;
    this.#change = undefined;
  }

  async #someChange(): Promise<string[]> {
    const { state } = await replayJournal(journalPath(this.#factory.workspace));
    const boards = [...state.boards].filter(
      ([, board]) => isProvisioned(board) && board.manifest?.accepted && !board.life?.ended,
    );
    const [serial] = pick(boards);
    return ['device', pick(['rma', 'rotate', 'reissue-code']), serial, '--reason', 'torture'];
  }

  /** Its exit code; null when it was killed. */
  async #start(words: string[]): Promise<number | null> {
    const factory = this.#factory;
    this.#counts.runs += 1;
    const settings = ['--request-timeout-ms', '400', '--outage-patience-seconds', '20'];
    const common = ['--workspace', factory.workspace];
    const child = spawn(process.execPath, [main, ...words, ...this.#signing(words), ...settings, ...common], {
      env: { ...process.env, ...factory.env, AOVIS_BOARDS_IN_FLIGHT: '4' },
      stdio: 'ignore',
    });
    const ended = once(child, 'exit') as Promise<[number | null]>;
    const timer = new AbortController();
    // The instant is what is random here; nothing is waited for.
    void delay(150 + random() * (Number(values.latest) - 150), undefined, { signal: timer.signal }).then(
      () => child.kill('SIGKILL'),
      () => undefined,
    );
    const [code] = await ended;
    timer.abort();
    if (code === null) this.#counts.kills += 1;
    else this.#counts.ends += 1;
    if (code !== null && ![0, 4].includes(code)) this.#problems.push(`${words.join(' ')} ended with ${code}`);
    await this.#expectNothingOpen();
    return code;
  }

  /** Commands that use the CA's key ask for its passphrase. */
  #signing(words: readonly string[]): string[] {
    return words[1] === 'reissue-code' ? [] : ['--passphrase-file', this.#factory.passphraseFile];
  }

  /** Every ACTIVE certificate lies with its key in some batch's finished bundle. */
  async #expectNothingOpen(): Promise<void> {
    const factory = this.#factory;
    const violations = await Promise.all(
      Array.from({ length: this.#batches }, (_, i) => factory.activeWithoutBundle(`batch-${i + 1}`)),
    );
    const nowhere = violations.reduce((left, each) => left.filter((id) => each.includes(id)));
    for (const id of nowhere) this.#problems.push(`${id} is ACTIVE, and nobody has its key`);
  }

  /** Runs everything to its end, and compares. */
  async #settle(): Promise<void> {
    const factory = this.#factory;
    if (this.#change) await factory.succeed(...this.#change, ...this.#signing(this.#change));
    await factory.succeed('batch', 'run', this.#csv, '--passphrase-file', factory.passphraseFile);
    const boards = this.#batches * boardsPerBatch;
    const { iot, backend } = factory;
    const active = [...iot.certificates.values()].filter(({ status }) => status === 'ACTIVE').length;
    const counts = { things: iot.things.size, active, backend: backend.devices.size };
    for (const [name, count] of Object.entries(counts))
      if (count !== boards) this.#problems.push(`${name}: ${count} instead of ${boards}`);
    for (const { status } of iot.certificates.values())
      if (status === 'INACTIVE') this.#problems.push('a certificate is INACTIVE, and of no board');
    for (let i = 1; i <= this.#batches; i++) {
      const answer = await factory.cli('batch', 'reconcile', `batch-${i}`);
      if (answer.exitCode !== 0) this.#problems.push(answer.stdout);
    }
    const audit = await factory.cli('audit', 'verify');
    if (audit.exitCode !== 0) this.#problems.push(audit.stderr);
  }
}

process.exitCode = (await new Torture().run()) ? 0 : 1;
