import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { quotas } from '../cloud/iot-registry.ts';
import { FactoryFixture, serialOf } from './factory-fixture.ts';
import type { Fault } from './fake-iot-server.ts';
import { FakeServiceQuotas } from './fake-service-quotas.ts';
import { type Job, TortureJobs } from './torture-jobs.ts';

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
/** Of ten runs so many are of `batch run`; the others change, mend or take over finished boards. */
const batchRunsOfTen = 6;
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
  readonly #counts = { runs: 0, kills: 0, ends: 0, faults: 0, change: 0, repair: 0, merge: 0 };
  readonly #quotas = new FakeServiceQuotas();
  readonly #jobs = new TortureJobs(this.#factory, pick);
  /** What is under way, to be gone on with. */
  #job: Job | undefined;
  #batches = 0;
  #csv = '';

  async run(): Promise<boolean> {
    const factory = this.#factory;
    await factory.start();
    try {
      await factory.prepare();
      // Comparing makes calls of which AWS admits ten a second by default: nothing would come to its end.
      for (const operation of Object.keys(quotas)) this.#quotas.rates.set(operation, 1_000);
      factory.env['AOVIS_SERVICE_QUOTAS_URL'] = await this.#quotas.start();
      this.#disturb();
      await this.#nextBatch();
      while (this.#counts.kills < kills) await this.#oneRun();
      await this.#undisturbed(() => this.#settle());
    } finally {
      await this.#jobs.stop();
      await this.#quotas.stop();
      await factory.stop();
    }
    const { runs, ends, faults, change, repair, merge } = this.#counts;
    say(
      `${this.#counts.kills} kills in ${runs} runs (${ends} came to their end), ${faults} faults of the cloud, ` +
        `${this.#batches} batches of ${boardsPerBatch} boards, ${change} changes of finished boards, ${repair} repairs, ${merge} merges: ` +
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
    this.#job ??= await this.#undisturbed(() => this.#jobs.next(this.#done));
    if ((await this.#start(this.#job.words)) !== 0) return;
    this.#counts[this.#job.kind] += 1;
    this.#job = undefined;
  }

  #disturb(): void {
    const { iot, backend } = this.#factory;
    iot.options.fault = () => {
      if (random() > 0.06) return undefined;
      this.#counts.faults += 1;
      return pick(cloudFaults);
    };
    backend.fault = () => pick([undefined, undefined, undefined, 503, 'lose']);
  }

  async #undisturbed<T>(work: () => Promise<T>): Promise<T> {
    const { iot, backend } = this.#factory;
    iot.options.fault = () => undefined;
    backend.fault = () => undefined;
    const result = await work();
    this.#disturb();
    return result;
  }

  /** Its exit code; null when it was killed. */
  async #start(words: string[]): Promise<number | null> {
    const factory = this.#factory;
    this.#counts.runs += 1;
    const settings = {
      AOVIS_BOARDS_IN_FLIGHT: '4',
      AOVIS_REQUEST_TIMEOUT_MS: '400',
      AOVIS_OUTAGE_PATIENCE_SECONDS: '20',
    };
    const common = ['--workspace', factory.workspace];
    const child = spawn(process.execPath, [main, ...words, ...this.#signing(words), ...common], {
      env: { ...process.env, ...factory.env, ...settings },
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
    const signs = ['run', 'rma', 'rotate'].includes(words[1] ?? '');
    return signs ? ['--passphrase-file', this.#factory.passphraseFile] : [];
  }

  /** Every ACTIVE certificate lies with its key in some batch's finished bundle. */
  async #expectNothingOpen(): Promise<void> {
    const factory = this.#factory;
    const batches = Array.from({ length: this.#batches }, (_, i) => `batch-${i + 1}`);
    const here = await factory.activeWithoutBundle(batches);
    const there = new Set(await this.#jobs.activeElsewhere(batches));
    const nowhere = here.filter((id) => there.has(id));
    for (const id of nowhere) this.#problems.push(`${id} is ACTIVE, and nobody has its key`);
  }

  /** Runs everything to its end, and compares. */
  async #settle(): Promise<void> {
    const factory = this.#factory;
    if (this.#job) await factory.succeed(...this.#job.words, ...this.#signing(this.#job.words));
    await factory.succeed('batch', 'run', this.#csv, '--passphrase-file', factory.passphraseFile);
    const boards = this.#batches * boardsPerBatch + this.#jobs.foreignBoards;
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
