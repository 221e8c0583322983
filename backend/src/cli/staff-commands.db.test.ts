import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeOf, staffCalls } from '../features/admin/testing/staff-calls.ts';
import { systemClock } from '../kernel/clock.ts';
import { seedPerson } from '../security/testing/people.ts';
import { createBackendUnderTest } from '../testing/backend-under-test.ts';

interface Ended {
  code: number;
  out: string;
  err: string;
}

describe('admin invite', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  function invite(...flags: string[]): Promise<Ended> {
    const words = [join(import.meta.dirname, '../cli.ts'), 'admin', 'invite', ...flags];
    const env = { PATH: process.env.PATH, DATABASE_URL: database.url };
    return new Promise((resolve) => {
      const child = execFile(process.execPath, words, { env }, (_error, out, err) => {
        resolve({ code: child.exitCode ?? -1, out, err });
      });
    });
  }

  it('makes the first admin, and after that only additional ones', async () => {
    const app = createBackendUnderTest(database.knex, database.url, {}, { clock: systemClock });
    const redeem = staffCalls(app);
    const anna = await seedPerson(database.knex, new Date(), 'user');
    const bert = await seedPerson(database.knex, new Date(), 'user');
    await database
      .knex('users')
      .where({ id: bert.userId })
      .update({ email: 'bert@example.com', email_verified_at: new Date() });

    const { code, out, err } = await invite();
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^[\w-]{43}\n$/) });
    const token = out.trim();
    expect(err).toContain('within 30 minutes');
    expect(err).not.toContain(token);
    const asked = { token };
    expect((await redeem(anna, 'post', '/invitations/redeem', asked)).body).toEqual({ role: 'admin' });
    expect(codeOf(await redeem(bert, 'post', '/invitations/redeem', asked))).toBe('invalid_token');

    expect(await invite('--email', 'bert@example.com')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('There is an admin already: ask them'),
    });
    const second = await invite('--email', 'Bert@Example.com', '--role', 'support', '--additional');
    expect(second).toMatchObject({ code: 0, err: expect.stringContaining('as bert@example.com') });
    const forBert = { token: second.out.trim() };
    expect(codeOf(await redeem(anna, 'post', '/invitations/redeem', forBert))).toBe('invalid_token');
    expect((await redeem(bert, 'post', '/invitations/redeem', forBert)).body).toEqual({ role: 'support' });

    const kept = JSON.stringify([
      await database.knex('staff_invitations'),
      await database.knex('audit_log').select('action', 'details', 'subject_id'),
    ]);
    for (const secret of [token, second.out.trim()]) {
      expect(kept).not.toContain(secret);
      expect(app.logged()).not.toContain(secret);
    }
    expect(await database.knex('audit_log').where({ action: 'admin.invite', outcome: 'ok' })).toHaveLength(2);
  });

  it.each([
    [['--role', 'root'], '--role is admin or support.'],
    [['--email', 'nobody'], '«nobody» is no e-mail address.'],
    [['--password', 'x'], "Unknown option '--password'"],
  ])('says what is wrong with %j', async (flags, sentence) => {
    expect(await invite(...flags)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(sentence),
    });
  });
});
