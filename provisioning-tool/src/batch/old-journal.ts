import { deviceIdOf } from '@aovis/contracts/ids';
import { exists } from '../files/durable-files.ts';
import type { JournalState } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import type { BatchFolder } from './batch-folder.ts';
import { readLabels } from './labels.ts';

/**
 * Refuses (exit code 8) to go on with a journal that is older than what lies in the batch's folder, such as a copy
 * that was put back: a bundle gets into `bundles/` only after the journal has its board. Labels that the journal does
 * not know are dropped by a run, and such a board's only activation code would go with them.
 */
export async function refuseOldJournal(folder: BatchFolder, state: JournalState): Promise<void> {
  for await (const label of readLabels(folder.labels)) {
    if (!label || state.boards.has(label.serial)) continue;
    const bundle = folder.bundle(deviceIdOf(label.serial));
    if (await exists(bundle))
      throw new Refusal(
        'journal',
        `${bundle} is finished and ${label.serial} has its label, but the journal does not know the board: this journal ` +
          'is not the newest. Put the newest copy back, or run a «batch merge» that was cut short again; going on would ' +
          'lose the board’s activation code. Nothing was done.',
      );
  }
}
