import { journalPath, readStandings, replayJournal } from '../journal/journal.ts';
import { isLive, isProvisioned } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';

/** What the journal has of a board's code: enough to recognise it, not enough to know it. */
export interface BoardCode {
  serial: string;
  model: string;
  batchId: string;
  /** Hex SHA-256 of domain, serial and code; undefined where the board keeps a label of an old system. */
  digest: string | undefined;
  /** 1 for the first code of a board, one more for each that was issued anew. */
  epoch: number;
  /** Only a finished board's label is printed: else it may lie on the bench before its board is worth anything. */
  finished: boolean;
  /** Its end, if it came to one: its label is worth nothing any more. */
  ended: 'revoked' | 'destroyed' | undefined;
  /** Digests of codes that it had before. */
  past: readonly string[];
}

/** The boards of all batches, or of one, by serial, in the order in which they were issued. Reads only the journal. */
export async function readBoardCodes(
  workspace: string,
  batchId: string | undefined,
): Promise<Map<string, BoardCode>> {
  const path = journalPath(workspace);
  const replay = await replayJournal(path);
  const { state } = replay;
  if (batchId !== undefined && !state.batches.has(batchId))
    throw new Refusal(
      'usage',
      `There is no batch ${batchId} here; «aovis-provision batch status» lists them.`,
    );
  const codes = new Map<string, BoardCode>();
  const past = new Map<string, string[]>();
  for await (const { board: issued, standing } of readStandings(path, replay)) {
    const { serial, activation_code_digest: digest } = issued;
    if (standing === 'past' && digest !== undefined) past.set(serial, [...(past.get(serial) ?? []), digest]);
    if (standing !== 'current' || (batchId !== undefined && issued.batch_id !== batchId)) continue;
    const board = state.boards.get(serial);
    codes.set(serial, {
      serial,
      model: issued.model,
      batchId: issued.batch_id,
      digest,
      epoch: issued.code_epoch,
      finished: board !== undefined && isProvisioned(board) && isLive(board),
      ended: board?.life?.ended,
      // What changed something else than the code left the code as it is.
      past: (past.get(serial) ?? []).filter((each) => each !== digest),
    });
  }
  return codes;
}
