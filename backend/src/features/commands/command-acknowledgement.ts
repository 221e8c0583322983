import type { CommandAck } from '@aovis/contracts/commands';
import type { Database } from '../../db/database.ts';
import { record } from '../audit/audit-log.ts';
import { type Command, isEnded, isStepForward } from './command.ts';
import { KnexCommandRepository } from './command-repository.ts';

/** What a board says about a command, as the ingestion takes it. */
export interface CommandAnswer {
  /** Who says so, as the broker knows it. */
  thing: string;
  ack: CommandAck;
  at: Date;
  requestId: string;
}

export async function isCommandOf(db: Database, thing: string, commandId: string): Promise<boolean> {
  const command = await new KnexCommandRepository(db).findAny(commandId);
  return command?.deviceId === thing;
}

/**
 * Takes an answer in the transaction that stores its message. What was overtaken by a later answer changes nothing, and
 * nothing does what another board says.
 */
export async function acknowledgeCommand(trx: Database, answer: CommandAnswer): Promise<void> {
  const { thing, ack, at, requestId } = answer;
  const commands = new KnexCommandRepository(trx);
  const command = await commands.lock(ack.id);
  if (command?.deviceId !== thing) return;
  const forward = isStepForward(command.status, ack.status);
  if (forward) await commands.step(command.id, { ...ack, at });
  if (forward || contradicts(command, ack))
    await record(trx, {
      action: 'command.acknowledge',
      actor: { kind: 'device', id: thing },
      subject: { kind: 'device', id: thing },
      outcome: forward ? 'ok' : 'refused',
      details: { command_id: command.id, status: ack.status, was: command.status, error: ack.error?.code },
      requestId,
    });
}

/** Two different ends: the first one counts, and somebody may want to know of the second. */
function contradicts(command: Command, ack: CommandAck): boolean {
  return isEnded(command.status) && isEnded(ack.status) && command.status !== ack.status;
}
