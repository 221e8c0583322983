import { deviceIdOf } from '@aovis/contracts/ids';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { isProvisioned } from '../journal/journal-state.ts';
import { type FactoryFixture, serialOf } from './factory-fixture.ts';
import { startSecondStation } from './second-station.ts';

/** A command that is run until it came to its end, however often it is killed. */
export interface Job {
  kind: 'change' | 'repair' | 'merge';
  words: string[];
}

export const boardsPerMerge = 3;
/** Far from the serials of the first station. */
const firstOfSecond = 500_001;

/** What happens to finished boards beside the batches that are made: changes, repairs, and boards of another station. */
export class TortureJobs {
  readonly #factory: FactoryFixture;
  readonly #pick: <T>(items: readonly T[]) => T;
  readonly #merged = new Set<string>();
  #second: FactoryFixture | undefined;

  constructor(factory: FactoryFixture, pick: <T>(items: readonly T[]) => T) {
    this.#factory = factory;
    this.#pick = pick;
  }

  async stop(): Promise<void> {
    await this.#second?.stop();
  }

  /** Boards that the second station made. */
  get foreignBoards(): number {
    return this.#merged.size * boardsPerMerge;
  }

  /** Ids of ACTIVE certificates that have no bundle at the second station, if there is one. */
  async activeElsewhere(batchIds: readonly string[]): Promise<string[]> {
    const { certificates } = this.#factory.iot;
    return (await this.#second?.activeWithoutBundle(batchIds, certificates)) ?? [...certificates.keys()];
  }

  async next(done: readonly string[]): Promise<Job> {
    const mergeable = done.filter((batchId) => !this.#merged.has(batchId));
    const kind = this.#pick([
      'change',
      'change',
      'repair',
      mergeable.length > 0 ? 'merge' : 'repair',
    ] as const);
    if (kind === 'merge') return { kind, words: await this.#merge(this.#pick(mergeable)) };
    return { kind, words: kind === 'change' ? await this.#change() : await this.#repair() };
  }

  async #change(): Promise<string[]> {
    const [serial] = await this.#someBoard();
    return ['device', this.#pick(['rma', 'rotate', 'reissue-code']), serial, '--reason', 'torture'];
  }

  /** Something is lost at AWS IoT. */
  async #repair(): Promise<string[]> {
    const [serial, batchId] = await this.#someBoard();
    const { things, certificates } = this.#factory.iot;
    const deviceId = deviceIdOf(serial);
    const thing = things.get(deviceId);
    for (const principal of thing?.principals ?? []) certificates.get(principal)?.policies.clear();
    const damage = this.#pick(['policy', 'principal', 'thing', 'attribute']);
    if (damage === 'principal') thing?.principals.clear();
    if (damage === 'thing') things.delete(deviceId);
    if (damage === 'attribute') Object.assign(thing?.attributes ?? {}, { batch: 'wrong' });
    return ['batch', 'reconcile', batchId, '--apply'];
  }

  /** The second station makes a few boards of the batch, undisturbed. */
  async #merge(batchId: string): Promise<string[]> {
    this.#second ??= await startSecondStation(this.#factory);
    const first = firstOfSecond + this.foreignBoards;
    const rows = Array.from({ length: boardsPerMerge }, (_, i) => `${serialOf(first + i)},n4k,`);
    const csv = await this.#second.writeCsv(`${batchId}.csv`, ['serial,model,iccid', ...rows, ''].join('\n'));
    const { exitCode, stderr } = await this.#second.runBatch(csv);
    if (exitCode !== 0) throw new Error(`the second station ended with ${exitCode}: ${stderr}`);
    this.#merged.add(batchId);
    return ['batch', 'merge', batchId, '--from', this.#second.workspace];
  }

  async #someBoard(): Promise<[serial: string, batchId: string]> {
    const { state } = await replayJournal(journalPath(this.#factory.workspace));
    const boards = [...state.boards].filter(
      ([, board]) => isProvisioned(board) && board.manifest?.accepted && !board.life?.ended,
    );
    const [serial, board] = this.#pick(boards);
    return [serial, board.batch.id];
  }
}
