import type { BatchQuality } from '@aovis/contracts/http/reports';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { batchQuality } from './batch-quality.ts';
import { BatchQualityRepository } from './batch-quality-repository.ts';

/** For staff: what became of a factory batch. */
export class BatchQualityService {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  /** @throws AppError not_found for a batch that no manifest brought */
  async get(batchId: string): Promise<BatchQuality> {
    const now = this.#clock.now();
    // PostgreSQL knows no zero character.
    const known = batchId.isWellFormed() && !batchId.includes('\0');
    const boards = known ? await new BatchQualityRepository(this.#db).boardsOf(batchId, now) : [];
    if (boards.length === 0) throw new AppError('not_found');
    return batchQuality(batchId, boards, now);
  }
}
