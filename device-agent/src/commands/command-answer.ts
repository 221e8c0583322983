import { type CommandAck, finalAckStatuses } from '@aovis/contracts/commands';

/** What a board says about a command. */
export type CommandAnswer = Omit<CommandAck, 'id'>;

export function rejected(code: string, message: string): CommandAnswer {
  return withError('rejected', code, message);
}

export function failed(code: string, message: string): CommandAnswer {
  return withError('failed', code, message);
}

export function isFinal({ status }: CommandAnswer): boolean {
  return finalAckStatuses.some((final) => final === status);
}

/** The schema's limit. */
const longestMessage = 256;

function withError(status: 'rejected' | 'failed', code: string, message: string): CommandAnswer {
  return { status, error: { code, message: message.slice(0, longestMessage) } };
}
