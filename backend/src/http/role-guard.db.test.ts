import { randomUUID } from 'node:crypto';
import { listUsers, updateUser } from '@aovis/contracts/http/admin-people';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../kernel/fake-clock.ts';
import { RoleGuard } from './role-guard.ts';
import { handle, type Route, type SignedInUser } from './route.ts';

describe('the guard of roles', () => {
  let database: TestDatabase;
  let guard: RoleGuard;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(() => {
    guard = new RoleGuard({ db: database.knex, clock: new FakeClock() });
  });

  const never = () => Promise.reject(new Error('is not asked'));
  const forSupport: Route = handle(listUsers, never);
  const forAdmin: Route = handle(updateUser, never);
  const person = (role: SignedInUser['role']): SignedInUser => ({
    id: randomUUID(),
    sessionId: randomUUID(),
    role,
  });
  const rowsOf = ({ id }: SignedInUser) =>
    database.knex('audit_log').where({ actor_id: id, action: 'admin.enter' }).orderBy('seq');

  it.each([
    ['admin', forAdmin],
    ['admin', forSupport],
    ['support', forSupport],
  ] as const)('lets %s pass', async (role, route) => {
    const user = person(role);
    await guard.assertAllowed(route, user, 'r-1');
    expect(await rowsOf(user)).toEqual([]);
  });

  it.each([
    ['user', 'user', forSupport, 'adminListUsers', 'support'],
    ['user', 'user', forAdmin, 'adminUpdateUser', 'admin'],
    ['support', 'admin', forAdmin, 'adminUpdateUser', 'admin'],
  ] as const)('notes that a %s was refused', async (role, kind, route, operation, needs) => {
    const user = person(role);
    await expect(guard.assertAllowed(route, user, 'r-2')).rejects.toMatchObject({ code: 'forbidden' });
    expect(await rowsOf(user)).toMatchObject([
      {
        actor_kind: kind,
        subject_kind: 'route',
        subject_id: operation,
        outcome: 'refused',
        details: { code: 'forbidden', role, needs },
        request_id: 'r-2',
      },
    ]);
  });

  it('writes no more rows than it must, however often somebody tries', async () => {
    const user = person('user');
    for (let attempt = 0; attempt < 100; attempt++)
      await expect(guard.assertAllowed(forSupport, user, 'r-3')).rejects.toMatchObject({ code: 'forbidden' });
    expect(await rowsOf(user)).toHaveLength(60);
  });
});
