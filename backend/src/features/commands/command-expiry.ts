import { type Database, transaction } from '../../db/database.ts';
import type { ScheduledJob } from '../../jobs/scheduled-job.ts';
import type { Clock } from '../../kernel/clock.ts';
import { record } from '../audit/audit-log.ts';
import { type Command, isEnded } from './command.ts';
import { KnexCommandRepository } from './command-repository.ts';

/** Why a command ended without its board's word. */
export const expiryReasons = {
  not_delivered: 'The command could not be handed to the board in time.',
  ownership_ended: 'The device changed hands before the command went out.',
  no_answer: 'The board did not say what became of the command.',
} as const;
export type ExpiryReason = keyof typeof expiryReasons;

/** Ends a command that no board will; does nothing to one that has its end. True when it was ended now. */
export async function expireCommand(
  db: Database,
  { id, reason, at }: { id: string; reason: ExpiryReason; at: Date },
): Promise<boolean> {
  return transaction(db, async (trx) => {
    const commands = new KnexCommandRepository(trx);
    const command = await commands.lock(id);
    if (command === undefined || isEnded(command.status)) return false;
    const status = endOf(command);
    await commands.step(id, { status, error: { code: reason, message: expiryReasons[reason] }, at });
    await record(trx, {
      action: 'command.expire',
      actor: { kind: 'system' },
      subject: { kind: 'device', id: command.deviceId },
      outcome: 'failed',
      details: { command_id: id, status, was: command.status, reason },
      requestId: command.requestId,
    });
    return true;
  });
}

/** What a board has taken may have been done in part: that is a failure, not something that never was. */
function endOf({ status }: Command): 'expired' | 'failed' {
  return status === 'pending' ? 'expired' : 'failed';
}

/** A message waits for its board for an hour at most, and the board's answer on its way back about as long. */
const answerWithinMs = 2 * 3_600_000;
const batchSize = 100;

/** Commands that were never answered get an end. */
export function expireCommandsJob({ db, clock }: { db: Database; clock: Clock }): ScheduledJob {
  return {
    name: 'commands.expire',
    everySeconds: 300,
    run: async (signal) => {
      let expired = 0;
      for (let full = true; full && !signal.aborted; ) {
        const at = clock.now();
        const before = new Date(at.getTime() - answerWithinMs);
        const ids = await new KnexCommandRepository(db).listUnanswered(before, batchSize);
        for (const id of ids)
          if (!signal.aborted && (await expireCommand(db, { id, reason: 'no_answer', at }))) expired += 1;
        full = ids.length === batchSize;
      }
      return { expired };
    },
  };
}
