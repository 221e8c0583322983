import type { BoardCode } from '../labels/board-codes.ts';
import { ScanLedger } from '../labels/scan-ledger.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import type { CommandContext } from './command-context.ts';

const mostMissing = 10;

type Context = Pick<CommandContext, 'terminal' | 'audit' | 'workspace' | 'surroundings'>;

/** The scan-back of a whole batch, in as many sessions as it takes. */
export class ScanBack {
  readonly #context: Context;
  readonly #batchId: string;
  readonly #wanted: readonly BoardCode[];
  readonly #ledger: ScanLedger;

  private constructor(context: Context, batchId: string, wanted: readonly BoardCode[], ledger: ScanLedger) {
    this.#context = context;
    this.#batchId = batchId;
    this.#wanted = wanted;
    this.#ledger = ledger;
  }

  /** Says where the sessions before left off. `restart`: they do not count. */
  static async open(
    context: Context,
    batchId: string,
    boards: ReadonlyMap<string, BoardCode>,
    restart: boolean,
  ): Promise<ScanBack> {
    const wanted = [...boards.values()].filter(
      (board) => board.batchId === batchId && board.finished && board.digest !== undefined,
    );
    if (wanted.length === 0)
      throw new Refusal(
        'usage',
        `No finished board of batch ${batchId} has a label of this station; there is nothing to scan back.`,
      );
    const { audit, workspace, surroundings, terminal } = context;
    const ledger = await ScanLedger.read(workspace, batchId, { audit, clock: surroundings.clock });
    if (restart) await ledger.restart();
    const scanBack = new ScanBack(context, batchId, wanted, ledger);
    const missing = scanBack.#missing();
    if (missing.length < wanted.length)
      terminal.say(`Goes on: ${scanBack.#standing(missing)} --restart begins anew.`);
    return scanBack;
  }

  /** Whether it was scanned before, in whatever session. */
  has(board: BoardCode): boolean {
    return this.#ledger.has(board);
  }

  /** A label that is right. */
  async add(board: BoardCode): Promise<void> {
    await this.#ledger.add(board);
  }

  /** What was scanned counts in the next session, however this one ended. */
  async keep(): Promise<void> {
    await this.#ledger.flush();
  }

  /** Says what is missing, and writes into the audit log how it stands. `wrong`: scans of this session that were not right. */
  async finish(wrong: number): Promise<void> {
    const { audit, terminal } = this.#context;
    const missing = this.#missing();
    const scanned = this.#wanted.length - missing.length;
    const complete = missing.length === 0 && wrong === 0;
    await audit.append({ type: 'labels_scanned', batch_id: this.#batchId, labels: scanned, complete });
    terminal.result({ batch_id: this.#batchId, scanned, missing, complete }, [this.#standing(missing)]);
    if (missing.length > 0)
      throw new Refusal(
        'partial',
        `${counted(missing.length, 'label')} of batch ${this.#batchId} not scanned; run the same command again and scan ` +
          'those that are missing.',
      );
  }

  #missing(): string[] {
    return this.#wanted
      .filter((board) => !this.#ledger.has(board))
      .map(({ serial }) => serial)
      .sort((a, b) => a.localeCompare(b));
  }

  #standing(missing: readonly string[]): string {
    const all = this.#wanted.length;
    if (missing.length === 0) return `All ${counted(all, 'label')} of batch ${this.#batchId} were scanned.`;
    const more = missing.length > mostMissing ? `, and ${missing.length - mostMissing} more` : '';
    return (
      `${all - missing.length} of ${counted(all, 'label')} of batch ${this.#batchId} were scanned; not: ` +
      `${missing.slice(0, mostMissing).join(', ')}${more}.`
    );
  }
}
