import type { BatchState } from '../journal/journal-state.ts';
import type { BoardIssued, DeviceChangeKind, DeviceChangePlanned } from '../journal/records.ts';
import type { Change, ChangeParts } from './change-parts.ts';
import { changeSteps } from './change-steps.ts';

export interface PlannedChange {
  changeId: string;
  kind: DeviceChangeKind;
  operator: string;
  reason: string;
  after: BoardIssued;
  replacedBy: string | undefined;
}

/** Writes the intent down. Everything that the change needs lies on the disk by now. */
export async function planChange(parts: ChangeParts, change: PlannedChange): Promise<void> {
  const { type: _type, ...board } = change.after;
  await parts.journal.append({
    type: 'device_change_planned',
    change_id: change.changeId,
    kind: change.kind,
    operator: change.operator,
    reason: change.reason,
    board,
    ...(change.replacedBy ? { replaced_by: change.replacedBy } : {}),
  });
}

/** Goes through the steps that are not done yet, and finishes. */
export async function runChange(
  parts: ChangeParts,
  serial: string,
  signal: AbortSignal,
): Promise<DeviceChangePlanned> {
  const { journal } = parts;
  const state = journal.state.boards.get(serial);
  const pending = state?.life?.pending;
  const planned = state && (await journal.pendingChange(state));
  if (!pending || !planned) throw new Error(`no change of ${serial} was planned`);
  const change: Change = {
    planned,
    after: { type: 'board_issued', ...planned.board },
    before: await journal.issued(serial),
    batch: state.batch satisfies BatchState,
  };
  for (const step of changeSteps[planned.kind]) {
    if (pending.steps.has(step.name)) continue;
    signal.throwIfAborted();
    await step.run(parts, change);
    await journal.append({
      type: 'device_change_step',
      change_id: planned.change_id,
      serial,
      step: step.name,
    });
  }
  await journal.append({ type: 'device_change_done', change_id: planned.change_id, serial });
  return planned;
}
