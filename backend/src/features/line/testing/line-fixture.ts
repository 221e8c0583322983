import type { Database } from '../../../db/database.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { Sealer } from '../../../kernel/sealer.ts';
import { testPeppers } from '../../devices/testing/seed.ts';
import { FactoryKeyService } from '../factory-key-service.ts';
import { lineOutboxHandlers } from '../line-outbox.ts';
import type { FakeLineRegistry } from './fake-line-registry.ts';

/** As the app of these tests is configured. */
export const sessionSecret = 'root-of-the-sessions-of-these-tests-456';

export async function makeKey(
  { db, clock }: { db: Database; clock: Clock },
  lineId: string,
  scopes: readonly string[] = ['provision', 'claim', 'credentials', 'register', 'rotate'],
): Promise<string> {
  return (await new FactoryKeyService({ db, clock }).add(lineId, scopes, undefined)).key;
}

/** Does what waits in the outbox for the line's effects, in its order. */
export async function runLineOutbox(db: Database, registry: FakeLineRegistry): Promise<void> {
  const sealer = new Sealer(sessionSecret, 'credentials of boards of the line API');
  const handlers = lineOutboxHandlers({ db, registry, sealer, peppers: testPeppers });
  const waiting = await db('outbox').whereLike('topic', 'line.%').orderBy('id');
  for (const { id, topic, payload } of waiting as { id: string; topic: string; payload: unknown }[]) {
    await handlers[topic]?.(payload, { attempt: 1, signal: new AbortController().signal });
    await db('outbox').where({ id }).delete();
  }
}
