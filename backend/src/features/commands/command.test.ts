import { commandAckStatuses } from '@aovis/contracts/commands';
import { commandStatuses } from '@aovis/contracts/http/commands';
import { expect, it } from '@jest/globals';
import { isEnded, isStepForward } from './command.ts';

it.each(commandStatuses)('goes forward only from %s', (from) => {
  const allowed: Record<typeof from, readonly string[]> = {
    pending: commandAckStatuses,
    accepted: ['running', 'succeeded', 'failed', 'rejected'],
    running: ['succeeded', 'failed', 'rejected'],
    succeeded: [],
    failed: [],
    rejected: [],
    expired: [],
  };
  expect(commandAckStatuses.filter((to) => isStepForward(from, to))).toEqual(allowed[from]);
});

it('knows the ends', () => {
  expect(commandStatuses.filter(isEnded)).toEqual(['succeeded', 'failed', 'rejected', 'expired']);
});
