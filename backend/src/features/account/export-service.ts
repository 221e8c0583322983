import type { AccountExport } from '@aovis/contracts/http/account';
import { maskIccid } from '@aovis/contracts/ids';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { type ExportSection, exportSections } from './export-sections.ts';

/** Counts exports of one person, on all instances together. */
export interface ExportCounter {
  increment(userId: string): Promise<{ totalHits: number; resetTime: Date | undefined }>;
}

export const exportWindowMs = 3_600_000;
const exportsPerWindow = 5;
const pageSize = 1_000;

export interface ExportDependencies {
  db: Database;
  clock: Clock;
  counter: ExportCounter;
}

interface Ownership {
  device_id: string;
  epoch: number;
  started_at: Date;
  ended_at: Date | null;
}

/**
 * Everything that is stored about a person as one JSON document, sent while it is read. Downloaded at once and not
 * mailed as a link: nothing that holds so much lies anywhere to be guarded and thrown away again, and no mailbox
 * decides who reads it. It is read in pages of 1,000 rows, each a short query of its own: neither memory nor a
 * connection of the database is held for a slow reader. So it is no snapshot; what changes meanwhile may be in it or
 * not.
 */
export class AccountExportService {
  readonly #dependencies: ExportDependencies;

  constructor(dependencies: ExportDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws AppError rate_limited */
  async open({ userId, requestId }: { userId: string; requestId: string }): Promise<AsyncIterable<Buffer>> {
    const { db, clock, counter } = this.#dependencies;
    const now = clock.now();
    const { totalHits, resetTime } = await counter.increment(userId);
    const refused = totalHits > exportsPerWindow;
    await transaction(db, (trx) =>
      record(trx, {
        action: 'account.export',
        actor: { kind: 'user', id: userId },
        subject: { kind: 'user', id: userId },
        outcome: refused ? 'refused' : 'ok',
        details: refused ? { code: 'rate_limited' } : {},
        requestId,
      }),
    );
    if (refused)
      throw new AppError('rate_limited', {
        retryAfterMs: Math.max(1_000, (resetTime?.getTime() ?? Date.now() + exportWindowMs) - Date.now()),
      });
    return documentOf(db, userId, now);
  }
}

async function* documentOf(db: Database, userId: string, now: Date): AsyncGenerator<Buffer> {
  const head: Omit<AccountExport, 'sections'> = {
    format: 'aovis-account-export-1',
    exported_at: now.toISOString(),
  };
  yield Buffer.from(`${JSON.stringify(head).slice(0, -1)},"sections":{`);
  const ownerships = await db('device_ownerships')
    .where({ user_id: userId })
    .orderBy(['device_id', 'epoch'])
    .select<Ownership[]>('device_id', 'epoch', 'started_at', 'ended_at');
  for (const [index, section] of exportSections.entries()) {
    yield Buffer.from(`${index === 0 ? '' : ','}\n${JSON.stringify(section.name)}:[`);
    let separator = '\n';
    for await (const page of pagesOf(db, section, { userId, ownerships })) {
      yield Buffer.from(`${separator}${page.map((row) => JSON.stringify(row)).join(',\n')}`);
      separator = ',\n';
    }
    yield Buffer.from(']');
  }
  yield Buffer.from('\n}}\n');
}

type Row = Record<string, unknown>;

/** None of them empty. */
async function* pagesOf(
  db: Database,
  { per, sql }: ExportSection,
  { userId, ownerships }: { userId: string; ownerships: readonly Ownership[] },
): AsyncGenerator<Row[]> {
  const runs = per === 'user' ? [{ userId }] : ownerships.map(bindingsOf);
  for (const bindings of runs) {
    let cursor = '';
    for (;;) {
      const { rows } = await db.raw<{ rows: (Row & { cursor: string })[] }>(sql, {
        ...bindings,
        cursor,
        limit: pageSize,
      });
      if (rows.length > 0) yield rows.map(exported);
      const last = rows.at(-1);
      if (last === undefined || rows.length < pageSize) break;
      ({ cursor } = last);
    }
  }
}

function bindingsOf({ device_id, epoch, started_at, ended_at }: Ownership) {
  return { deviceId: device_id, epoch, startedAt: started_at, endedAt: ended_at ?? 'infinity' };
}

/** Numbers of SIM cards are masked, as everywhere in public. */
function exported(row: Row): Row {
  const named = Object.entries(row).filter(([name]) => name !== 'cursor');
  return Object.fromEntries(
    named.map(([name, value]) => [
      name,
      name === 'iccid' && typeof value === 'string' ? maskIccid(value) : value,
    ]),
  );
}
