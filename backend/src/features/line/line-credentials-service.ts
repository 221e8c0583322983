import { formatActivationCode } from '@aovis/contracts/activation-code';
import type { LineCredentials } from '@aovis/contracts/http/line';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Sealer } from '../../kernel/sealer.ts';
import { record } from '../audit/audit-log.ts';
import { conflict, notReady, reasonOf } from './line-board.ts';
import { sealedPlace, secretsSchema } from './line-outbox.ts';
import { LineRepository } from './line-repository.ts';
import type { LineAsker } from './line-service.ts';

export interface LineCredentialsDependencies {
  db: Database;
  clock: Clock;
  sealer: Sealer;
  /** Where customers reach us: the label's QR code leads there. */
  publicUrl: string;
}

/** Hands credentials out, each to one request, and erases them with that. */
export class LineCredentialsService {
  readonly #dependencies: LineCredentialsDependencies;

  constructor(dependencies: LineCredentialsDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws AppError device_not_found, board_conflict, credentials_not_ready, credentials_shown */
  async take(asker: LineAsker, deviceId: string): Promise<LineCredentials> {
    const { db } = this.#dependencies;
    const outcome = await transaction(db, (trx) => this.#take(trx, asker, deviceId));
    if (outcome instanceof AppError) throw outcome;
    return outcome;
  }

  /** Refusals are results: their audit rows must be committed. */
  async #take(
    trx: Database,
    { factory, requestId }: LineAsker,
    deviceId: string,
  ): Promise<LineCredentials | AppError> {
    const { clock, sealer, publicUrl } = this.#dependencies;
    const repository = new LineRepository(trx);
    const board = await repository.lock(deviceId);
    if (board === undefined || board.lineId !== factory.lineId) return new AppError('device_not_found');
    const { newest, hardwareId } = board;
    const note = (outcome: 'ok' | 'refused', details: Record<string, unknown>) =>
      record(trx, {
        action: 'line.take_credentials',
        actor: { kind: 'station', id: factory.lineId },
        subject: { kind: 'device', id: deviceId },
        outcome,
        details: { key: factory.keyId, version: newest.version, ...details },
        requestId,
      });
    if (newest.state === 'preparing') return notReady();
    const refuse = async (refusal: AppError): Promise<AppError> => {
      await note('refused', { code: refusal.code, reason: reasonOf(refusal) });
      return refusal;
    };
    if (hardwareId === undefined) return refuse(conflict('not_claimed'));
    if (newest.state === 'refused') return refuse(conflict('csr_refused'));
    const text =
      newest.sealed === undefined
        ? undefined
        : sealer.open(newest.sealed, sealedPlace(deviceId, newest.version));
    if (text === undefined || newest.certificateId === undefined)
      return refuse(new AppError('credentials_shown'));
    const secrets = secretsSchema.parse(JSON.parse(text));
    await repository.setState(deviceId, newest.version, 'shown', clock.now());
    await note('ok', { certificate_id: newest.certificateId });
    return {
      device_id: deviceId,
      credentials_version: newest.version,
      certificate_id: newest.certificateId,
      certificate_pem: secrets.certificate_pem,
      ...(secrets.private_key_pem !== undefined && { private_key_pem: secrets.private_key_pem }),
      activation_code: formatActivationCode(secrets.activation_code),
      activation_url: `${publicUrl}/a#${secrets.activation_code}`,
    };
  }
}
