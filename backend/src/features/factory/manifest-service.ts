import type { ManifestDeviceResult, ManifestResult } from '@aovis/contracts/http/factory';
import { type Manifest, manifestJwsType } from '@aovis/contracts/provisioning';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import { hashActivationDigest, matchesActivationDigest, type Peppers } from '../devices/activation-hash.ts';
import { claimPolicyOf } from '../devices/activation-rules.ts';
import { deviceProvisionedTopic, provisioningKey } from '../devices/device-outbox.ts';
import { registerSims } from '../sim/sim-service.ts';
import { FactoryRepository, type StoredBoard } from './factory-repository.ts';
import { type VerifiedManifest, verifyManifest } from './manifest-jws.ts';
import { decideRow } from './manifest-rules.ts';
import { StationGate } from './station-gate.ts';

export interface ManifestDependencies {
  db: Database;
  clock: Clock;
  peppers: Peppers;
  /** Model codes whose boards must confirm their activation themselves. */
  proofModels: readonly string[];
}

export interface ManifestImport {
  /** Compact JWS. */
  jws: string;
  dryRun: boolean;
  /** Undefined when an operator imports a file. */
  requestId?: string | undefined;
}

/** A refusal that is committed with its audit row before it is thrown. */
interface Refusal {
  code: 'manifest_conflict';
  details: Record<string, unknown>;
}

/** Takes boards over from the factory's stations. */
export class ManifestService {
  readonly #dependencies: ManifestDependencies;
  readonly #gate: StationGate;

  constructor(dependencies: ManifestDependencies) {
    this.#dependencies = dependencies;
    this.#gate = new StationGate(dependencies, {
      type: manifestJwsType,
      malformed: 'invalid_manifest',
      action: 'factory.import_manifest',
      subject: 'manifest',
    });
  }

  /**
   * Stores all boards of a manifest or none; a dry run decides the same and stores nothing.
   * @throws AppError unknown_station, invalid_signature, invalid_manifest, manifest_conflict
   */
  async import(request: ManifestImport): Promise<ManifestResult> {
    const verified = await this.#gate.admit(request.jws, request.requestId, verifyManifest);
    const outcome = await transaction(this.#dependencies.db, (trx) => this.#decide(trx, verified, request));
    if ('code' in outcome) throw new AppError(outcome.code, { details: outcome.details });
    return outcome;
  }

  async #decide(
    trx: Database,
    { manifest, payloadSha256 }: VerifiedManifest,
    { dryRun, requestId }: ManifestImport,
  ): Promise<ManifestResult | Refusal> {
    const repository = new FactoryRepository(trx);
    await repository.lockImports();
    const earlier = await repository.findManifest(manifest.manifest_id);
    if (earlier?.payloadSha256 === payloadSha256) return { ...earlier.result, dry_run: dryRun };
    if (earlier !== undefined)
      return this.#refuse(trx, manifest, {
        requestId,
        details: { manifest_id: 'used_with_another_payload' },
      });

    const boards = await repository.lockBoards(manifest.devices);
    const devices = this.#decideRows(boards, manifest);
    const result = toResult(manifest, devices, dryRun);
    if (dryRun) return result;
    if (result.conflicts > 0) return this.#refuse(trx, manifest, { requestId, details: { devices } });
    await this.#store(trx, manifest, { payloadSha256, result, boards, requestId });
    return result;
  }

  #decideRows(stored: readonly StoredBoard[], manifest: Manifest): ManifestDeviceResult[] {
    const byId = new Map(stored.map((board) => [board.deviceId, board]));
    const byCertificate = new Map(stored.map((board) => [board.certificateId, board.deviceId]));
    const byIccid = new Map(stored.map((board) => [board.iccid, board.deviceId]));
    return manifest.devices.map((device) =>
      decideRow({
        device,
        known: this.#known(byId.get(device.device_id), device.activation_code_digest),
        certificateHolder: byCertificate.get(device.certificate_id),
        iccidHolder: device.iccid === undefined ? undefined : byIccid.get(device.iccid),
      }),
    );
  }

  #known(board: StoredBoard | undefined, digest: string | undefined) {
    if (board === undefined) return undefined;
    const { certificateId, handedOverCertificateId, activationCodeHash, codeEpoch, iccid, status } = board;
    return {
      certificateId,
      handedOverCertificateId,
      codeEpoch: activationCodeHash === undefined ? 0 : codeEpoch,
      sameCode:
        activationCodeHash !== undefined &&
        (digest === undefined ||
          matchesActivationDigest(digest, activationCodeHash, this.#dependencies.peppers)),
      iccid,
      revoked: status === 'revoked' || status === 'retired',
    };
  }

  async #store(
    trx: Database,
    manifest: Manifest,
    {
      payloadSha256,
      result,
      boards: before,
      requestId,
    }: {
      payloadSha256: string;
      result: ManifestResult;
      boards: readonly StoredBoard[];
      requestId: string | undefined;
    },
  ): Promise<void> {
    const { clock, peppers, proofModels } = this.#dependencies;
    const now = clock.now();
    const repository = new FactoryRepository(trx);
    const accepted = manifest.devices.filter((_, i) => result.devices[i]?.result === 'accepted');
    await registerSims(
      trx,
      accepted.flatMap(({ iccid }) => iccid ?? []),
    );
    await repository.insertManifest(manifest, { payloadSha256, result }, now);
    const kept = new Map(before.map(({ deviceId, activationCodeHash }) => [deviceId, activationCodeHash]));
    const boards = accepted.map((device) => ({
      device,
      activationCodeHash:
        device.activation_code_digest === undefined
          ? kept.get(device.device_id)
          : hashActivationDigest(device.activation_code_digest, peppers),
      claimPolicy: claimPolicyOf(device.model, proofModels),
    }));
    await repository.upsertBoards(boards, manifest, now);
    for (const { device_id } of accepted)
      await enqueue(trx, {
        topic: deviceProvisionedTopic,
        key: provisioningKey,
        payload: { device_id },
        requestId,
      });
    const { accepted: acceptedCount, unchanged } = result;
    const details = { batch_id: manifest.batch_id, accepted: acceptedCount, unchanged };
    await record(trx, { ...auditOf(manifest, requestId), outcome: 'ok', details });
  }

  async #refuse(
    trx: Database,
    manifest: Manifest,
    { requestId, details }: { requestId: string | undefined; details: Record<string, unknown> },
  ): Promise<Refusal> {
    await record(trx, {
      ...auditOf(manifest, requestId),
      outcome: 'refused',
      details: { code: 'manifest_conflict', batch_id: manifest.batch_id },
    });
    return { code: 'manifest_conflict', details };
  }
}

function auditOf({ station_id, manifest_id }: Manifest, requestId: string | undefined) {
  return {
    action: 'factory.import_manifest',
    actor: { kind: 'station', id: station_id },
    subject: { kind: 'manifest', id: manifest_id },
    requestId,
  } as const;
}

function toResult(manifest: Manifest, devices: ManifestDeviceResult[], dryRun: boolean): ManifestResult {
  const count = (result: ManifestDeviceResult['result']): number =>
    devices.filter((device) => device.result === result).length;
  return {
    manifest_id: manifest.manifest_id,
    dry_run: dryRun,
    accepted: count('accepted'),
    unchanged: count('unchanged'),
    conflicts: count('conflict'),
    devices,
  };
}
