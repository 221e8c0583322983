import type { BoardStanding } from '../journal/journal.ts';
import type { JournalState } from '../journal/journal-state.ts';
import type { BatchCodes } from './labels.ts';

/**
 * The codes that boards of a batch have, or will have when their change is finished; destroyed boards have none, nor
 * have those that keep the labels of an old system.
 */
export async function codesOf(
  standings: AsyncIterable<BoardStanding>,
  state: JournalState,
  batchId: string,
): Promise<BatchCodes> {
  const current = new Map<string, string>();
  const pending = new Set<string>();
  for await (const { board, standing } of standings) {
    if (board.batch_id !== batchId || standing === 'past') continue;
    if (state.boards.get(board.serial)?.life?.ended === 'destroyed') continue;
    const digest = board.activation_code_digest;
    if (digest === undefined) continue;
    if (standing === 'current') current.set(board.serial, digest);
    else pending.add(digest);
  }
  return { current, pending };
}
