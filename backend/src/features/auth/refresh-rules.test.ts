import { expect, it } from '@jest/globals';
import { decideRefresh, graceMs } from './refresh-rules.ts';
import type { RefreshToken, Session } from './session-repository.ts';

const now = new Date('2026-11-20T12:00:00Z');
const ago = (ms: number): Date => new Date(now.getTime() - ms);
const session: Session = {
  id: 's',
  userId: 'u',
  expiresAt: new Date(now.getTime() + 1),
  revokedAt: undefined,
  userActive: true,
  role: 'user',
};
const token = (generation: number, rotatedAt?: Date): RefreshToken => ({
  hash: Buffer.alloc(32, generation),
  sessionId: 's',
  generation,
  rotatedAt,
});

it.each([
  ['the current token', token(3), token(3), 'rotate'],
  ['its predecessor within the grace', token(2, ago(graceMs)), token(3), 'repeat'],
  ['its predecessor after the grace', token(2, ago(graceMs + 1)), token(3), 'reuse'],
  ['an older one, however fresh', token(1, ago(1)), token(3), 'reuse'],
] as const)('%s', (_what, presented, current, decision) => {
  expect(decideRefresh(session, presented, current, now)).toBe(decision);
});

it.each([
  ['revoked', { revokedAt: ago(1) }],
  ['over', { expiresAt: now }],
  ['of a closed account', { userActive: false }],
])('a session that is %s', (_what, change) => {
  expect(decideRefresh({ ...session, ...change }, token(3), token(3), now)).toBe('refuse');
});
