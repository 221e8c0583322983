import { CloudFailure } from '../cloud/iot-registry.ts';
import type { Handover } from '../handover/handover.ts';
import type { Journal } from '../journal/journal.ts';
import { type BoardState, hasStep, isLive, isProvisioned } from '../journal/journal-state.ts';
import type { BoardIssued, BoardStep } from '../journal/records.ts';
import { diskRefusalOf, Refusal } from '../refusal.ts';
import { type StepSettings, steps, stepWaves } from './board-steps.ts';
import type { BoardRow } from './boards-csv.ts';
import { type IssuingDesk, issueBoard } from './issue-board.ts';
import { WorkPool } from './work-pool.ts';

/** So many boards in a row that AWS refuses are not the boards' fault. */
const hopelessAfter = 10;

export interface BatchRunParts {
  journal: Journal;
  /** Undefined when every board of the batch is issued already. */
  desk: IssuingDesk | undefined;
  /** Undefined when every board of the batch is provisioned already. */
  cloud: StepSettings | undefined;
  handover: Handover;
  boardsInFlight: number;
  /** Aborted by the operator (Ctrl-C). */
  signal: AbortSignal;
  /** Stops the calls in flight, which listen to it, when one failure ends the run. */
  stop: AbortController;
  /** Called for each board that was finished just now. */
  onFinished: () => void;
}

export interface BatchRunCounts {
  finished: number;
  alreadyFinished: number;
  failed: number;
  conflicts: number;
}

/** Takes boards through their steps, many at once; each board's own order is kept. */
export class BatchRun {
  readonly #parts: BatchRunParts;
  readonly #pool: WorkPool;
  readonly counts: BatchRunCounts = { finished: 0, alreadyFinished: 0, failed: 0, conflicts: 0 };
  #failedInARow = 0;

  constructor(parts: BatchRunParts) {
    this.#parts = parts;
    this.#pool = new WorkPool(parts.boardsInFlight);
  }

  /** Waits for a free place. Rejects once the run cannot go on. */
  async add(row: BoardRow): Promise<void> {
    this.#parts.signal.throwIfAborted();
    const state = this.#parts.journal.state.boards.get(row.serial);
    if (state && isProvisioned(state)) {
      this.counts.alreadyFinished += 1;
      if (!state.manifest && isLive(state)) this.#parts.handover.add(row.serial);
      return;
    }
    await this.#pool.add(() => this.#board(row, state));
  }

  /** Resolves when every board has ended, well or not. */
  async drain(): Promise<void> {
    await this.#pool.drain();
  }

  async #board(row: BoardRow, before: BoardState | undefined): Promise<void> {
    const { journal, handover, onFinished } = this.#parts;
    try {
      const issued = before ? await journal.issued(row.serial) : await this.#issue(row);
      const state = journal.state.boards.get(row.serial) as BoardState;
      for (const wave of stepWaves) {
        await allEnded(wave.filter((step) => !hasStep(state, step)).map((step) => this.#step(step, issued)));
      }
    } catch (error) {
      await this.#fail(row, error);
      return;
    }
    this.#failedInARow = 0;
    this.counts.finished += 1;
    handover.add(row.serial);
    onFinished();
  }

  #issue(row: BoardRow): Promise<BoardIssued> {
    const { desk } = this.#parts;
    if (!desk) throw new Error(`board ${row.serial} is not issued, and the CA was not opened`);
    return issueBoard(desk, row);
  }

  async #step(step: BoardStep, issued: BoardIssued): Promise<void> {
    const { cloud, journal, stop } = this.#parts;
    if (!cloud) throw new Error(`board ${issued.serial} is not provisioned, and the cloud was not prepared`);
    stop.signal.throwIfAborted();
    await steps[step](cloud, issued);
    await journal.append({ type: 'board_step', serial: issued.serial, step });
  }

  /** A board's own failure is noted, and the others go on; anything else ends the run. */
  async #fail(row: BoardRow, error: unknown): Promise<void> {
    const own =
      error instanceof CloudFailure &&
      (error.kind === 'conflict' || error.kind === 'rejected' || error.kind === 'not-found');
    if (!own) throw this.#end(error);
    this.counts.failed += 1;
    if (error.kind === 'conflict') this.counts.conflicts += 1;
    this.#failedInARow += 1;
    await this.#parts.journal.append({
      type: 'board_failed',
      serial: row.serial,
      step: error.operation,
      message: error.message,
    });
    if (this.#failedInARow >= hopelessAfter) {
      throw this.#end(
        new Refusal(
          error.kind === 'conflict' ? 'conflict' : 'partial',
          `The last ${hopelessAfter} boards failed, so the run stopped. ${error.message}`,
        ),
      );
    }
  }

  #end(error: unknown): unknown {
    const reason = runFailureOf(error);
    this.#parts.stop.abort(reason);
    return reason;
  }
}

/** What a failure of the whole run means for the operator. */
export function runFailureOf(error: unknown): unknown {
  if (error instanceof CloudFailure) {
    const kind = error.kind === 'credentials' || error.kind === 'conflict' ? error.kind : 'partial';
    return new Refusal(kind, error.message, { cause: error });
  }
  return diskRefusalOf(error) ?? error;
}

/** As Promise.all, but nothing is still running when it rejects. */
async function allEnded(work: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
