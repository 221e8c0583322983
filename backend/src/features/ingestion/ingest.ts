import type { BindingProof } from '@aovis/contracts/binding-proof';
import type { CommandAck } from '@aovis/contracts/commands';
import { dedupKeyOf, type IotEnvelope } from '@aovis/contracts/http/ingestion';
import type { IngestionRepository, TelemetryMessage } from './ingestion-repository.ts';
import { presenceAfter } from './presence-rules.ts';

export type IngestResult = 'stored' | 'duplicate' | 'unknown_thing' | 'unknown_command' | 'unknown_claim';

/** Where boards' answers to commands go, in the same transaction. */
export interface CommandAnswers {
  /** Whether the command is this board's. */
  knows(thing: string, commandId: string): Promise<boolean>;
  acknowledge(thing: string, ack: CommandAck, receivedAt: Date): Promise<void>;
}

/** Where what boards sign goes, in the same transaction. */
export interface BindingProofs {
  /** Whether the claim is one of this board. */
  knows(thing: string, claimId: string): Promise<boolean>;
  take(thing: string, proof: BindingProof): Promise<void>;
}

/** Who takes what is not only stored. */
export interface Recipients {
  commands: CommandAnswers;
  proofs: BindingProofs;
}

/** What is stored of a batch of samples. */
export function telemetryMessageOf(envelope: Extract<IotEnvelope, { kind: 'telemetry' }>): TelemetryMessage {
  return {
    thing: envelope.thing,
    dedupKey: dedupKeyOf(envelope),
    batch: envelope.payload,
    receivedAt: new Date(envelope.received_at),
  };
}

/** Stores one envelope, once. Everything in one transaction: a message that failed half way comes again as new. */
export async function ingest(
  repository: IngestionRepository,
  { commands, proofs }: Recipients,
  envelope: IotEnvelope,
): Promise<IngestResult> {
  const { thing, kind, payload } = envelope;
  const receivedAt = new Date(envelope.received_at);
  if (!(await repository.knows(thing))) return 'unknown_thing';
  if (kind === 'telemetry') {
    const [isNew] = await repository.storeNewTelemetry([telemetryMessageOf(envelope)]);
    return isNew ? 'stored' : 'duplicate';
  }
  if (kind === 'command_ack' && !(await commands.knows(thing, payload.id))) return 'unknown_command';
  if (kind === 'binding_proof' && !(await proofs.knows(thing, payload.claim_id))) return 'unknown_claim';
  if (!(await repository.markIngested(thing, dedupKeyOf(envelope), kind, receivedAt))) return 'duplicate';
  await repository.touch(thing, receivedAt);
  switch (kind) {
    case 'event':
      await repository.insertEvent(thing, payload, receivedAt);
      break;
    case 'presence':
      await moveOnlineState(repository, thing, payload);
      break;
    case 'lwt':
      // The broker's presence says the same with an order; the last will only shows that the board was there.
      break;
    case 'command_ack':
      await commands.acknowledge(thing, payload, receivedAt);
      break;
    case 'binding_proof':
      await proofs.take(thing, payload);
      break;
  }
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
