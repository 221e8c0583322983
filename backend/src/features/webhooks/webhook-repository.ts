import type { Database } from '../../db/database.ts';

export interface ReceivedEvent {
  /** Which endpoint it came to: one partner's event may go to several, and counts once at each. */
  endpoint: string;
  eventId: string;
  type: string;
  /** What is worth keeping of it, as JSON. */
  kept: Record<string, unknown>;
  receivedAt: Date;
}

export interface WebhookRepository {
  /** False when this event was noted before at this endpoint; waits for another one who is noting it right now. */
  note(event: ReceivedEvent): Promise<boolean>;
}

export class KnexWebhookRepository implements WebhookRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async note({ endpoint, eventId, type, kept, receivedAt }: ReceivedEvent): Promise<boolean> {
    const inserted = await this.#db('webhook_events')
      .insert({
        provider: endpoint,
        event_id: eventId,
        type,
        payload: JSON.stringify(kept),
        received_at: receivedAt,
      })
      .onConflict(['provider', 'event_id'])
      .ignore()
      .returning<object[]>('event_id');
    return inserted.length === 1;
  }
}
