import { expect, it } from '@jest/globals';
import { liveClientIdOf, liveCommandSchema, liveRoleOf } from './live-view.ts';

it('a client id says who the viewer is to the board', () => {
  expect(liveRoleOf(liveClientIdOf('owner', 'x'))).toBe('owner');
  expect(liveRoleOf(liveClientIdOf('viewer', 'owner-x'))).toBe('viewer');
  expect(liveRoleOf('somebody')).toBe('viewer');
});

it('a command may do without parameters', () => {
  expect(liveCommandSchema.parse({ id: '1', type: 'identify' })).toEqual({
    id: '1',
    type: 'identify',
    params: {},
  });
});
