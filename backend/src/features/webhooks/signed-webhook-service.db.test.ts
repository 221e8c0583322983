import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../db/database.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { SignedWebhookService } from './signed-webhook-service.ts';

describe('a signed webhook', () => {
  let database: TestDatabase;
  let db: Database;
  const clock = new FakeClock();
  const verifier = {
    verify: ({ signature, secret }: { signature: string | undefined; secret: string }) =>
      signature === `signed with ${secret}` ? ('ok' as const) : ('wrong' as const),
  };
  const webhook = (endpoint: string, secret: string | undefined = 's') =>
    new SignedWebhookService({ db, clock, verifier, endpoint, secret });

  beforeAll(async () => {
    database = await createTestDatabase();
    db = database.knex;
    await db.raw('CREATE TABLE applied (event text)');
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await db('applied').delete();
    await db('webhook_events').delete();
  });

  const event = { id: 'evt_1', type: 'paid' };
  const apply = async (trx: Database) => {
    await trx('applied').insert({ event: 'evt_1' });
    return 'applied' as const;
  };
  const count = async (table: string) => (await db(table)).length;

  it('applies an event once, though it comes ten times at once to two instances', async () => {
    const [one, other] = [webhook('orders'), webhook('orders')];
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? one : other).take(event, apply)),
    );
    expect(answers.filter(({ duplicate }) => duplicate)).toHaveLength(9);
    expect(await count('applied')).toBe(1);
  });

  it('applies it at each endpoint it comes to', async () => {
    expect(await webhook('orders').take(event, apply)).toEqual({ received: true });
    expect(await webhook('plans').take(event, apply)).toEqual({ received: true });
    expect(await count('applied')).toBe(2);
  });

  it('forgets that it came when applying it fails, so that it can come again', async () => {
    const failing = webhook('orders').take(event, async (trx) => {
      await apply(trx);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect([await count('applied'), await count('webhook_events')]).toEqual([0, 0]);
    expect(await webhook('orders').take(event, apply)).toEqual({ received: true });
  });

  it('says what it ignores', async () => {
    const answer = await webhook('orders').take(event, async () => 'ignored');
    expect(answer).toEqual({ received: true, ignored: true });
    expect(await db('webhook_events').first()).toMatchObject({
      provider: 'orders',
      type: 'paid',
      payload: {},
    });
  });

  it('lets a signed body in, and audits one that is not', async () => {
    const rawBody = Buffer.from('{}');
    await webhook('orders').assertSigned({ rawBody, signature: 'signed with s' }, 'request-1');
    const refused = webhook('orders').assertSigned({ rawBody, signature: 'x' }, 'request-2');
    await expect(refused).rejects.toMatchObject({ code: 'invalid_signature' });
    const entries = await db('audit_log').where({ action: 'webhook.receive' });
    expect(entries).toMatchObject([
      {
        subject_id: 'orders',
        outcome: 'refused',
        request_id: 'request-2',
        details: { code: 'invalid_signature', verdict: 'wrong' },
      },
    ]);
  });

  it('without a secret says so, before any signature is looked at', async () => {
    const unset = new SignedWebhookService({ db, clock, verifier, endpoint: 'orders', secret: undefined });
    const refused = unset.assertSigned({ rawBody: Buffer.alloc(0), signature: undefined }, 'r');
    await expect(refused).rejects.toMatchObject({ code: 'webhook_not_configured' });
  });
});
