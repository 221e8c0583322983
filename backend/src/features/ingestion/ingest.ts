import { dedupKeyOf, type IotEnvelope } from '@aovis/contracts/http/ingestion';
import type { IngestionRepository } from './ingestion-repository.ts';
import { presenceAfter } from './presence-rules.ts';

export type IngestResult = 'stored' | 'duplicate' | 'unknown_thing';

/** Stores one envelope, once. Everything in one transaction: a message that failed half way comes again as new. */
export async function ingest(repository: IngestionRepository, envelope: IotEnvelope): Promise<IngestResult> {
  const { thing, kind, payload } = envelope;
  const receivedAt = new Date(envelope.received_at);
  if (!(await repository.knows(thing))) return 'unknown_thing';
  if (!(await repository.markIngested(thing, dedupKeyOf(envelope), kind, receivedAt))) return 'duplicate';
  switch (kind) {
    case 'event':
      await repository.insertEvent(thing, payload, receivedAt);
      break;
    case 'telemetry':
      await repository.insertTelemetry(thing, payload);
      break;
    case 'presence':
      await moveOnlineState(repository, thing, payload);
      break;
    case 'lwt':
      // The broker's presence says the same with an order; the last will only shows that the board was there.
      break;
  }
  await repository.touch(thing, receivedAt);
  return 'stored';
}

async function moveOnlineState(
  repository: IngestionRepository,
  thing: string,
  payload: Extract<IotEnvelope, { kind: 'presence' }>['payload'],
): Promise<void> {
  const next = presenceAfter(await repository.lockPresence(thing), {
    eventType: payload.eventType,
    sessionId: payload.sessionIdentifier,
    version: payload.versionNumber,
    atMs: payload.timestamp,
  });
  if (next !== undefined) await repository.storePresence(thing, next, payload.disconnectReason);
}
