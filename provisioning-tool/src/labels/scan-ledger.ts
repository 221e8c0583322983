import { type AuditLog, auditPath, readAudit } from '../audit/audit-log.ts';
import type { PrintedLabel } from '../audit/audit-records.ts';
import type { Clock } from '../clock.ts';
import type { BoardCode } from './board-codes.ts';
import { printedLabelOf } from './print-ledger.ts';

/** Somebody with a scanner in hand is slower than this, so that each of their scans is kept at once. */
const pauseMs = 1_000;
/** A line of the audit log names so many labels at most. */
const labelsPerLine = 500;

/**
 * Which labels of a batch were scanned back and found right, kept in the audit log from one session to the next. A label
 * that was printed again since, or whose code was issued anew, must be scanned again.
 */
export class ScanLedger {
  readonly #batchId: string;
  readonly #audit: AuditLog;
  readonly #clock: Clock;
  readonly #scanned: Set<string>;
  #waiting: PrintedLabel[] = [];
  #writtenAt = Number.NEGATIVE_INFINITY;

  private constructor(batchId: string, scanned: Set<string>, { audit, clock }: Station) {
    this.#batchId = batchId;
    this.#scanned = scanned;
    this.#audit = audit;
    this.#clock = clock;
  }

  static async read(workspace: string, batchId: string, station: Station): Promise<ScanLedger> {
    const scanned = new Set<string>();
    for await (const { record } of readAudit(auditPath(workspace))) {
      // Labels are printed in whatever batch their boards were then.
      if (record.type === 'labels_printed') for (const label of record.labels) scanned.delete(keyOf(label));
      if (!('batch_id' in record) || record.batch_id !== batchId) continue;
      if (record.type === 'label_scans_restarted') scanned.clear();
      if (record.type === 'labels_scanned_so_far')
        for (const label of record.labels) scanned.add(keyOf(label));
    }
    return new ScanLedger(batchId, scanned, station);
  }

  has(board: BoardCode): boolean {
    return this.#scanned.has(keyOf(printedLabelOf(board)));
  }

  /** Forgets what was scanned before. */
  async restart(): Promise<void> {
    await this.#audit.append({ type: 'label_scans_restarted', batch_id: this.#batchId });
    this.#scanned.clear();
  }

  /** A label that is right. It is kept by now, or with the next ones where they come from a file. */
  async add(board: BoardCode): Promise<void> {
    if (this.has(board)) return;
    const label = printedLabelOf(board);
    this.#scanned.add(keyOf(label));
    this.#waiting.push(label);
    const isSlow = this.#clock.now() - this.#writtenAt >= pauseMs;
    if (isSlow || this.#waiting.length >= labelsPerLine) await this.flush();
  }

  /** Resolves when all scans are on the disk. */
  async flush(): Promise<void> {
    const labels = this.#waiting;
    if (labels.length === 0) return;
    this.#waiting = [];
    await this.#audit.append({ type: 'labels_scanned_so_far', batch_id: this.#batchId, labels });
    this.#writtenAt = this.#clock.now();
  }
}

interface Station {
  audit: AuditLog;
  clock: Clock;
}

function keyOf({ serial, code }: PrintedLabel): string {
  return `${serial}/${code}`;
}
