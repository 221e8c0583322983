import type { BoardStanding } from '../journal/journal.ts';
import type { JournalState } from '../journal/journal-state.ts';
import type { BatchCodes } from './labels.ts';

/** The codes that boards of a batch have, or will have when their change is finished; destroyed boards have none. */
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
    if (standing === 'current') current.set(board.serial, board.activation_code_digest);
    else pending.add(board.activation_code_digest);
  }
  return { current, pending };
}
