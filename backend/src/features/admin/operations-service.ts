import type { DeadLetterView } from '@aovis/contracts/http/admin-operations';
import type { Database } from '../../db/database.ts';
import { listJobs } from '../../jobs/job-table.ts';
import { integerForm, type PageRequest, pageOf, readCursor } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import {
  type DeadLetter,
  discardDeadLetter,
  findDeadLetter,
  listDeadLetters,
  reviveDeadLetter,
} from '../../outbox/dead-letters.ts';
import { changeAsStaff, type Staff } from './staff.ts';

/** What runs behind the requests, for who looks after it. */
export class OperationsService {
  readonly #db: Database;

  constructor({ db }: { db: Database }) {
    this.#db = db;
  }

  async deadLetters({
    limit,
    cursor,
  }: PageRequest): Promise<{ letters: DeadLetterView[]; nextCursor: string | null }> {
    const after = readCursor(cursor, integerForm);
    const found = await listDeadLetters(this.#db, { limit: limit + 1, after });
    const { page, nextCursor } = pageOf(found, limit, ({ deadAt: at, id: key }) => ({ at, key }));
    return { letters: page.map(toView), nextCursor };
  }

  /** @throws AppError dead_letter_not_found */
  async deadLetter(id: string): Promise<DeadLetterView> {
    const letter = integerForm.test(id) ? await findDeadLetter(this.#db, id) : undefined;
    if (letter === undefined) throw new AppError('dead_letter_not_found');
    return toView(letter);
  }

  /** @throws AppError dead_letter_not_found */
  async revive(staff: Staff, id: string, reason: string): Promise<void> {
    const subject = { kind: 'outbox_message', id };
    await changeAsStaff(this.#db, staff, { action: 'admin.revive_dead_letter', subject }, async (trx) => {
      const letter = integerForm.test(id) ? await reviveDeadLetter(trx, id) : undefined;
      if (letter === undefined) throw new AppError('dead_letter_not_found');
      return { result: undefined, details: { topic: letter.topic, key: letter.key, reason } };
    });
  }

  /** @throws AppError dead_letter_not_found */
  async discard(staff: Staff, id: string, reason: string): Promise<void> {
    const subject = { kind: 'outbox_message', id };
    await changeAsStaff(this.#db, staff, { action: 'admin.discard_dead_letter', subject }, async (trx) => {
      const letter = integerForm.test(id) ? await discardDeadLetter(trx, id) : undefined;
      if (letter === undefined) throw new AppError('dead_letter_not_found');
      const { topic, key, attempts } = letter;
      return { result: undefined, details: { topic, key, attempts, reason } };
    });
  }

  async jobs() {
    return (await listJobs(this.#db)).map((job) => ({
      name: job.name,
      next_run_at: job.nextRunAt.toISOString(),
      running: job.running,
      failures: job.failures,
      last_started_at: job.lastStartedAt?.toISOString() ?? null,
      last_finished_at: job.lastFinishedAt?.toISOString() ?? null,
      last_result: job.lastResult ?? null,
      last_error: job.lastError ?? null,
    }));
  }
}

function toView(letter: DeadLetter): DeadLetterView {
  return {
    id: letter.id,
    topic: letter.topic,
    key: letter.key,
    payload: letter.payload as DeadLetterView['payload'],
    attempts: letter.attempts,
    last_error: letter.lastError ?? null,
    request_id: letter.requestId ?? null,
    created_at: letter.createdAt.toISOString(),
    dead_at: letter.deadAt.toISOString(),
  };
}
