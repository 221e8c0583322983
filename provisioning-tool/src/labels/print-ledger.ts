import { auditPath, readAudit } from '../audit/audit-log.ts';
import type { AuditRecord, PrintedLabel } from '../audit/audit-records.ts';
import type { BoardCode } from './board-codes.ts';

/** One print of one label. */
export interface Print {
  /** Line of the audit log. */
  line: number;
  at: string;
  operator: string;
  format: string;
  /** Undefined for a first print. */
  reason: string | undefined;
}

/** A ledger line names so many labels at most, so that no line becomes long. */
const labelsPerLine = 500;

/** How the ledger names a label: the board, and the beginning of its code's digest. */
export function printedLabelOf({ serial, digest }: BoardCode): PrintedLabel {
  return { serial, code: (digest ?? '').slice(0, 16) };
}

/**
 * The labels that were printed at this station, in whatever batch their boards were then, with their prints: lines `labels_printed` of the audit log, whose chain
 * is checked on the way.
 */
export class PrintLedger {
  readonly #prints = new Map<string, Print[]>();

  /** `boards`: whose prints are wanted, by serial. */
  static async read(workspace: string, boards: { has(serial: string): boolean }): Promise<PrintLedger> {
    const ledger = new PrintLedger();
    for await (const { seq, at, operator, record } of readAudit(auditPath(workspace))) {
      if (record.type !== 'labels_printed') continue;
      const print = { line: seq, at, operator, format: record.format, reason: record.reason };
      for (const label of record.labels) if (boards.has(label.serial)) ledger.#add(label, print);
    }
    return ledger;
  }

  /** In the order in which they were made; empty when it was never printed with its present code. */
  printsOf(board: BoardCode): readonly Print[] {
    return this.#prints.get(keyOf(printedLabelOf(board))) ?? [];
  }

  #add(label: PrintedLabel, print: Print): void {
    const key = keyOf(label);
    const prints = this.#prints.get(key);
    if (prints) prints.push(print);
    else this.#prints.set(key, [print]);
  }
}

function keyOf({ serial, code }: PrintedLabel): string {
  return `${serial}/${code}`;
}

export interface PrintedSheets {
  begun: number;
  batchId: string;
  format: string;
  /** Undefined when the sheets go to standard output. */
  file: { name: string; sha256: string } | undefined;
  reason: string | undefined;
  firstPrints: readonly BoardCode[];
  reprints: readonly BoardCode[];
}

/** The ledger's lines of a print, first prints apart from reprints: only these have a reason. */
export function ledgerRecordsOf(printed: PrintedSheets): AuditRecord[] {
  const common = {
    type: 'labels_printed' as const,
    begun: printed.begun,
    batch_id: printed.batchId,
    format: printed.format,
    ...(printed.file ? { file: printed.file.name, sha256: printed.file.sha256 } : {}),
  };
  const { reason } = printed;
  return [
    ...chunksOf(printed.firstPrints).map((labels) => ({ ...common, labels })),
    ...chunksOf(printed.reprints).map((labels) => ({
      ...common,
      ...(reason === undefined ? {} : { reason }),
      labels,
    })),
  ];
}

function chunksOf(boards: readonly BoardCode[]): PrintedLabel[][] {
  return Array.from({ length: Math.ceil(boards.length / labelsPerLine) }, (_, index) =>
    boards.slice(index * labelsPerLine, (index + 1) * labelsPerLine).map(printedLabelOf),
  );
}
