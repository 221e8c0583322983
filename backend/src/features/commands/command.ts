import {
  type CommandAck,
  type CommandAckStatus,
  commandAckStatuses,
  finalAckStatuses,
} from '@aovis/contracts/commands';
import {
  type CommandRequest,
  type CommandStatus,
  type CommandView,
  maxCommandTimeoutSeconds,
} from '@aovis/contracts/http/commands';

/** One command to one board, as its owner sent it and as far as the board has answered. */
export interface Command {
  id: string;
  deviceId: string;
  /** Of the ownership under which it was sent. */
  epoch: number;
  type: CommandRequest['type'];
  params: CommandView['params'];
  status: CommandStatus;
  result: CommandAck['result'];
  error: CommandAck['error'];
  requestId: string;
  createdAt: Date;
  /** The board does not begin it from then on. */
  expiresAt: Date;
  updatedAt: Date;
}

/** How long a board may begin a command: as long as a request may wait, so that nobody is surprised by it later. */
export const commandValidMs = maxCommandTimeoutSeconds * 1_000;

const ends: readonly CommandStatus[] = [...finalAckStatuses, 'expired'];
const steps: readonly CommandStatus[] = ['pending', ...commandAckStatuses];

/** Whether nothing more comes of it. */
export function isEnded(status: CommandStatus): boolean {
  return ends.includes(status);
}

/** Commands go forward only: answers come more than once and in any order, and an end stays what it is. */
export function isStepForward(from: CommandStatus, to: CommandAckStatus): boolean {
  return !isEnded(from) && steps.indexOf(to) > steps.indexOf(from);
}

export function toCommandView(command: Command): CommandView {
  return {
    id: command.id,
    type: command.type,
    params: command.params,
    status: command.status,
    result: command.result ?? null,
    failure: command.error ?? null,
    created_at: command.createdAt.toISOString(),
    expires_at: command.expiresAt.toISOString(),
    updated_at: command.updatedAt.toISOString(),
  };
}
