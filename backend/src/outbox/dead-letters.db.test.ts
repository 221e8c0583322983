import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { discardDeadLetter, findDeadLetter, listDeadLetters, reviveDeadLetter } from './dead-letters.ts';
import { enqueue } from './outbox.ts';
import { claimNext, fail } from './outbox-queue.ts';

describe('dead letters', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const claim = () => claimNext(database.knex, { topics: ['mail.send'], leaseMs: 60_000 });

  beforeEach(async () => {
    const db = database.knex;
    await db('outbox').delete();
    for (const order of ['o-1', 'o-2', 'o-3']) {
      await enqueue(db, {
        topic: 'mail.send',
        key: order,
        payload: { order, password: 'hunter2' },
        requestId: 'r',
      });
      const claimed = await claim();
      if (claimed === undefined) throw new Error('nothing to claim');
      await fail(db, claimed, { error: new Error('no such mailbox'), retryInMs: undefined });
    }
    await enqueue(db, { topic: 'mail.send', key: 'o-4', payload: {} });
  });

  it('are listed in pages, the latest first, without secrets', async () => {
    const [first, ...rest] = await listDeadLetters(database.knex, { limit: 2, after: undefined });
    expect(first).toMatchObject({ key: 'o-3', attempts: 1, lastError: 'no such mailbox', requestId: 'r' });
    expect(JSON.stringify(first)).not.toContain('hunter2');
    const after = { at: new Date(), key: rest[0]?.id ?? '' };
    expect(await listDeadLetters(database.knex, { limit: 2, after })).toMatchObject([{ key: 'o-1' }]);
  });

  it('are found one by one, but no living message is', async () => {
    const [letter] = await listDeadLetters(database.knex, { limit: 1, after: undefined });
    expect(await findDeadLetter(database.knex, letter?.id ?? '0')).toEqual(letter);
    const living = await database.knex('outbox').where({ key: 'o-4' }).first<{ id: string }>('id');
    expect(await findDeadLetter(database.knex, living.id)).toBeUndefined();
  });

  it('come back to life once', async () => {
    const [letter] = await listDeadLetters(database.knex, { limit: 1, after: undefined });
    const revive = () => reviveDeadLetter(database.knex, letter?.id ?? '0');
    const revived = await Promise.all([revive(), revive()]);
    expect(revived.filter((message) => message !== undefined)).toEqual([{ topic: 'mail.send', key: 'o-3' }]);
    const claimed = [await claim(), await claim()];
    expect(new Set(claimed.map((message) => message?.key))).toEqual(new Set(['o-3', 'o-4']));
  });

  it('are discarded, but no living message is', async () => {
    const [letter] = await listDeadLetters(database.knex, { limit: 1, after: undefined });
    expect(await discardDeadLetter(database.knex, letter?.id ?? '0')).toMatchObject({ key: 'o-3' });
    expect(await discardDeadLetter(database.knex, letter?.id ?? '0')).toBeUndefined();
    const living = await database.knex('outbox').where({ key: 'o-4' }).first<{ id: string }>('id');
    expect(await discardDeadLetter(database.knex, living.id)).toBeUndefined();
    expect(await database.knex('outbox')).toHaveLength(3);
  });
});
