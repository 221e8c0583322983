import type { DeadLetterView } from '@aovis/contracts/http/admin-operations';
import { type Database, transaction } from '../../db/database.ts';
import { listJobs } from '../../jobs/job-table.ts';
import { integerForm, type PageRequest, pageOf, readCursor } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import {
  type DeadLetter,
  discardDeadLetter,
  listDeadLetters,
  reviveDeadLetter,
} from '../../outbox/dead-letters.ts';
import { recordChange, type Staff } from './staff.ts';

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
  async revive(staff: Staff, id: string, reason: string): Promise<void> {
    await transaction(this.#db, async (trx) => {
      const revived = integerForm.test(id) && (await reviveDeadLetter(trx, id));
      if (!revived) throw new AppError('dead_letter_not_found');
      await recordChange(trx, staff, {
        action: 'admin.revive_dead_letter',
        subject: { kind: 'outbox_message', id },
        details: { reason },
      });
    });
  }

  /** @throws AppError dead_letter_not_found */
  async discard(staff: Staff, id: string, reason: string): Promise<void> {
    await transaction(this.#db, async (trx) => {
      const letter = integerForm.test(id) ? await discardDeadLetter(trx, id) : undefined;
      if (letter === undefined) throw new AppError('dead_letter_not_found');
      const { topic, key, lastError } = letter;
      await recordChange(trx, staff, {
        action: 'admin.discard_dead_letter',
        subject: { kind: 'outbox_message', id },
        details: { topic, key, last_error: lastError ?? null, reason },
      });
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
