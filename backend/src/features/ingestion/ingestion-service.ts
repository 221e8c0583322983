import type { IotEnvelope, IotEventResult } from '@aovis/contracts/http/ingestion';
import { type Database, statement, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Coalescer } from '../../kernel/coalescer.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { RefusalBudget } from '../audit/refusal-budget.ts';
import type { RegisteredCertificate } from '../binding/certificate-registry.ts';
import type { ProofService } from '../binding/proof-service.ts';
import { acknowledgeCommand, isCommandOf } from '../commands/command-acknowledgement.ts';
import { type IngestResult, ingest, type Recipients, telemetryMessageOf } from './ingest.ts';
import { KnexIngestionRepository, type TelemetryMessage } from './ingestion-repository.ts';
import { checkSignature, type SignatureVerdict, type SignedRequest } from './signature.ts';

export interface IngestionDependencies {
  db: Database;
  clock: Clock;
  /** Shared with the forwarder of the IoT rule; more than one while they change. */
  signingKeys: readonly string[];
  proofs: Pick<ProofService, 'certificateFor' | 'knows' | 'take'>;
}

/** Takes what boards say, as the IoT rule forwards it. */
export class IngestionService {
  readonly #dependencies: IngestionDependencies;
  readonly #refusals: RefusalBudget;
  readonly #newTelemetry: Coalescer<TelemetryMessage, boolean>;

  constructor(dependencies: IngestionDependencies) {
    this.#dependencies = dependencies;
    const repository = new KnexIngestionRepository(dependencies.db);
    this.#newTelemetry = new Coalescer(
      (messages) => statement(() => repository.storeNewTelemetry(messages)),
      {
        lanes: 2,
        maxItems: 64,
        isWorthAlone: (error) => !(error instanceof AppError && error.code === 'service_unavailable'),
      },
    );
    this.#refusals = new RefusalBudget(dependencies.clock);
  }

  /**
   * @throws AppError invalid_signature; nothing of the body was looked at then
   */
  async assertSigned(request: SignedRequest, requestId: string): Promise<void> {
    const { clock, signingKeys } = this.#dependencies;
    const verdict = checkSignature(request, signingKeys, clock.now());
    if (verdict === 'ok') return;
    await this.#recordRefusal(verdict, requestId);
    throw new AppError('invalid_signature');
  }

  /**
   * @throws AppError device_not_found for a board that no manifest brought, command_not_found for an answer to a
   * command that this board was not given, claim_not_found likewise, service_unavailable
   */
  async take(envelope: IotEnvelope, requestId: string): Promise<IotEventResult> {
    const { db, proofs } = this.#dependencies;
    // What a fleet sends most goes in without a transaction of its own. What is not stored so is looked at more closely.
    if (envelope.kind === 'telemetry' && (await this.#newTelemetry.add(telemetryMessageOf(envelope))))
      return { received: true, duplicate: false };
    const certificate =
      envelope.kind === 'binding_proof'
        ? await proofs.certificateFor(envelope.thing, envelope.payload)
        : undefined;
    const result = await transaction(db, async (trx) => {
      const recipients = this.#recipients(trx, requestId, certificate);
      const taken = await ingest(new KnexIngestionRepository(trx), recipients, envelope);
      if (taken !== 'stored') await recordNotStored(trx, envelope, { taken, requestId });
      return taken;
    });
    if (result === 'unknown_thing') throw new AppError('device_not_found');
    if (result === 'unknown_command') throw new AppError('command_not_found');
    if (result === 'unknown_claim') throw new AppError('claim_not_found');
    return { received: true, duplicate: result === 'duplicate' };
  }

  #recipients(trx: Database, requestId: string, certificate: RegisteredCertificate | undefined): Recipients {
    const { proofs } = this.#dependencies;
    return {
      commands: {
        knows: (thing, commandId) => isCommandOf(trx, thing, commandId),
        acknowledge: (thing, ack, at) => acknowledgeCommand(trx, { thing, ack, at, requestId }),
      },
      proofs: {
        knows: (thing, claimId) => proofs.knows(trx, thing, claimId),
        take: (thing, proof) => proofs.take(trx, { thing, proof, requestId }, certificate),
      },
    };
  }

  async #recordRefusal(verdict: SignatureVerdict, requestId: string): Promise<void> {
    const noted = this.#refusals.take();
    if (noted === undefined) return;
    await transaction(this.#dependencies.db, (trx) =>
      record(trx, {
        action: 'ingestion.receive',
        actor: { kind: 'system' },
        subject: { kind: 'iot_event' },
        outcome: 'refused',
        details: { code: 'invalid_signature', verdict, ...noted },
        requestId,
      }),
    );
  }
}

async function recordNotStored(
  trx: Database,
  { thing, kind, payload }: IotEnvelope,
  { taken, requestId }: { taken: Exclude<IngestResult, 'stored'>; requestId: string },
): Promise<void> {
  await record(trx, {
    action: 'ingestion.receive',
    actor: { kind: 'device', id: thing },
    subject: { kind: 'device', id: thing },
    outcome: taken === 'duplicate' ? 'ok' : 'refused',
    details: {
      kind,
      result: taken,
      ...(kind === 'command_ack' && { command_id: payload.id }),
      ...(kind === 'binding_proof' && { claim_id: payload.claim_id }),
    },
    requestId,
  });
}
