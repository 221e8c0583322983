import type { Database } from '../db/database.ts';

/** An intent to be carried out after the commit: a mail, a call to another service. */
export interface OutboxMessage {
  /** Which handler takes it, e.g. `mail.send`. */
  topic: string;
  /** Messages with the same key are handled one after the other, in the order they were put in. */
  key: string;
  /** JSON. It lies in the database until it is done: no secret that is not meant to go out with it. */
  payload: Record<string, unknown>;
  /** Not before so many milliseconds have passed; at once by default. Later messages of its key wait for it. */
  delayMs?: number;
  requestId?: string | undefined;
}

export interface HandlingContext {
  /** Counts from 1. */
  attempt: number;
  requestId?: string | undefined;
  /** Aborted when the lease ends or the program stops: pass it to what may hang. */
  signal: AbortSignal;
}

/**
 * Carries out one message. It may run more than once for the same message (a crash between doing and noting), so
 * it must be repeatable. Throwing means «again later»; after the last attempt the message is dead.
 */
export type OutboxHandler = (payload: unknown, context: HandlingContext) => Promise<void>;
export type OutboxHandlers = Readonly<Record<string, OutboxHandler>>;

/** Stores the intent in the transaction of the change. The worker is woken by the commit. */
export async function enqueue(trx: Database, message: OutboxMessage): Promise<void> {
  await trx('outbox').insert({
    topic: message.topic,
    key: message.key,
    payload: JSON.stringify(message.payload),
    request_id: message.requestId ?? null,
    ...(message.delayMs !== undefined && {
      available_at: trx.raw(`now() + ? * interval '1 ms'`, [message.delayMs]),
    }),
  });
}
