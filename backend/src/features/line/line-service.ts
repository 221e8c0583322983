import { withoutCodes } from '@aovis/contracts/code-redaction';
import type { LineBoard } from '@aovis/contracts/http/line';
import { deviceIdOf, modelOf } from '@aovis/contracts/ids';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import { claimPolicyOf } from '../devices/activation-rules.ts';
import { deviceProvisionedTopic, provisioningKey } from '../devices/device-outbox.ts';
import { registerSims } from '../sim/sim-service.ts';
import type { FactoryCaller } from './factory-key.ts';
import {
  assertOpen,
  conflict,
  describeBoard,
  notReady,
  reasonOf,
  type StoredLineBoard,
} from './line-board.ts';
import { lineActivateTopic, linePrepareTopic, lineRevokeTopic } from './line-outbox.ts';
import { LineRepository } from './line-repository.ts';

export interface LineDependencies {
  db: Database;
  clock: Clock;
  /** Model codes whose boards must confirm their activation themselves. */
  proofModels: readonly string[];
}

/** Who asks, for the audit log. */
export interface LineAsker {
  factory: FactoryCaller;
  requestId: string;
}

/** What the software of a production line does with boards. Boards of another line do not exist for it. */
export class LineService {
  readonly #dependencies: LineDependencies;

  constructor(dependencies: LineDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws AppError invalid_request, board_conflict */
  async provision(
    asker: LineAsker,
    wanted: { serial: string; model: string; batch_id: string; csr?: string | undefined },
  ): Promise<LineBoard> {
    const deviceId = deviceIdOf(wanted.serial);
    // As in the CSV of the factory's own tool: the id carries the model.
    const model = modelOf(deviceId);
    if (model !== wanted.model) {
      const message = `The serial ${wanted.serial} is one of model ${model}; correct one of the two`;
      throw new AppError('invalid_request', { details: [{ path: 'body.model', message }] });
    }
    return this.#change(asker, 'line.provision', deviceId, async (trx, repository) => {
      const { clock, proofModels } = this.#dependencies;
      const now = clock.now();
      const board = { deviceId, serial: wanted.serial, model: wanted.model, batchId: wanted.batch_id };
      const policy = claimPolicyOf(wanted.model, proofModels);
      const { lineId } = asker.factory;
      if (!(await repository.insertBoard({ ...board, lineId }, policy, now))) {
        const known = await repository.lock(deviceId);
        const first = (await repository.listCredentials(deviceId))[0];
        const same =
          known?.lineId === lineId && known.batchId === wanted.batch_id && first?.csr === wanted.csr;
        if (!same) throw conflict('known_otherwise');
        return 'unchanged';
      }
      await this.#prepare(trx, repository, asker, { deviceId, version: 1, csr: wanted.csr });
      return { batch: wanted.batch_id, own_key: wanted.csr !== undefined };
    });
  }

  /** @throws AppError device_not_found, board_conflict */
  async claim(
    asker: LineAsker,
    claim: { device_id: string; hardware_id: string; iccid?: string | undefined },
  ): Promise<LineBoard> {
    const { device_id: deviceId, hardware_id: hardwareId, iccid } = claim;
    return this.#change(asker, 'line.claim', deviceId, async (trx, repository) => {
      const board = await this.#own(repository, asker, deviceId);
      assertOpen(board);
      const sameSim = iccid === undefined || board.iccid === iccid;
      if (board.hardwareId === hardwareId && sameSim) return 'unchanged';
      if (board.hardwareId !== undefined && board.hardwareId !== hardwareId)
        throw conflict('hardware_differs');
      await repository.lockParts(hardwareId, iccid);
      const other = await repository.findDeviceOfHardware(hardwareId);
      if (other !== undefined && other !== deviceId) throw conflict('hardware_in_use');
      if (!sameSim) {
        if (board.iccid !== undefined) throw conflict('iccid_differs');
        if ((await repository.findDeviceOfIccid(iccid)) !== undefined) throw conflict('iccid_in_use');
        await registerSims(trx, [iccid]);
      }
      await repository.claim(deviceId, { hardwareId, iccid }, this.#dependencies.clock.now());
      return { hardware_id: hardwareId };
    });
  }

  /** @throws AppError device_not_found, board_conflict, credentials_not_ready */
  async register(
    asker: LineAsker,
    { device_id: deviceId, certificate_id: certificateId }: { device_id: string; certificate_id: string },
  ): Promise<LineBoard> {
    return this.#change(asker, 'line.register', deviceId, async (trx, repository) => {
      const board = await this.#own(repository, asker, deviceId);
      const { newest } = board;
      if (newest.state === 'registered' && newest.certificateId === certificateId) return 'unchanged';
      assertOpen(board);
      if (newest.state !== 'shown' && newest.state !== 'registered') throw notReady();
      const { activationCodeHash } = newest;
      if (newest.certificateId !== certificateId || activationCodeHash === undefined)
        throw conflict('certificate_differs');
      const now = this.#dependencies.clock.now();
      const former = (await repository.listCredentials(deviceId)).filter(
        ({ state }) => state === 'registered',
      );
      for (const { version } of former) await repository.setState(deviceId, version, 'replaced', now);
      await repository.setState(deviceId, newest.version, 'registered', now);
      const codeEpoch = Math.max(board.codeEpoch, newest.version);
      await repository.release(board, { certificateId, activationCodeHash, codeEpoch }, now);
      const { requestId } = asker;
      const message = { key: deviceId, requestId };
      const payload = { certificate_ids: [certificateId] };
      await enqueue(trx, { ...message, topic: lineActivateTopic, payload });
      await this.#revoke(
        trx,
        asker,
        deviceId,
        former.flatMap((each) => each.certificateId ?? []),
      );
      await enqueue(trx, {
        topic: deviceProvisionedTopic,
        key: provisioningKey,
        payload: { device_id: deviceId },
        requestId,
      });
      return { certificate_id: certificateId, version: newest.version };
    });
  }

  /** @throws AppError device_not_found, board_conflict */
  async rotate(
    asker: LineAsker,
    deviceId: string,
    { reason, csr }: { reason: string; csr?: string | undefined },
  ): Promise<LineBoard> {
    return this.#change(asker, 'line.rotate', deviceId, async (trx, repository) => {
      const board = await this.#own(repository, asker, deviceId);
      assertOpen(board);
      const { newest } = board;
      // What is registered works until its successor is; what never was is worth nothing any more.
      if (newest.state !== 'registered') {
        await repository.setState(deviceId, newest.version, 'replaced', this.#dependencies.clock.now());
        await this.#revoke(
          trx,
          asker,
          deviceId,
          newest.certificateId === undefined ? [] : [newest.certificateId],
        );
      }
      const version = newest.version + 1;
      await this.#prepare(trx, repository, asker, { deviceId, version, csr });
      // Somebody may say which label was seen.
      return { reason: withoutCodes(reason), version };
    });
  }

  async #prepare(
    trx: Database,
    repository: LineRepository,
    { requestId }: LineAsker,
    { deviceId, version, csr }: { deviceId: string; version: number; csr: string | undefined },
  ): Promise<void> {
    await repository.insertCredentials(deviceId, { version, csr }, this.#dependencies.clock.now());
    const payload = { device_id: deviceId, version };
    await enqueue(trx, { topic: linePrepareTopic, key: deviceId, payload, requestId });
  }

  async #revoke(
    trx: Database,
    { requestId }: LineAsker,
    deviceId: string,
    certificateIds: readonly string[],
  ): Promise<void> {
    if (certificateIds.length === 0) return;
    const payload = { certificate_ids: certificateIds };
    await enqueue(trx, { topic: lineRevokeTopic, key: deviceId, payload, requestId });
  }

  /** Unknown boards and those of other lines are refused alike. */
  async #own(repository: LineRepository, { factory }: LineAsker, deviceId: string): Promise<StoredLineBoard> {
    const board = await repository.lock(deviceId);
    if (board === undefined || board.lineId !== factory.lineId) throw new AppError('device_not_found');
    return board;
  }

  /** One transaction with its audit row; a refusal has a row too, in one of its own. */
  async #change(
    { factory, requestId }: LineAsker,
    action: string,
    deviceId: string,
    work: (trx: Database, repository: LineRepository) => Promise<'unchanged' | Record<string, unknown>>,
  ): Promise<LineBoard> {
    const { db } = this.#dependencies;
    const entry = {
      action,
      actor: { kind: 'station' as const, id: factory.lineId },
      subject: { kind: 'device', id: deviceId },
      requestId,
    };
    try {
      return await transaction(db, async (trx) => {
        const repository = new LineRepository(trx);
        const details = await work(trx, repository);
        const board = await repository.lock(deviceId);
        if (board === undefined) throw new Error(`${deviceId} vanished`);
        if (details !== 'unchanged')
          await record(trx, { ...entry, outcome: 'ok', details: { key: factory.keyId, ...details } });
        return describeBoard(board);
      });
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'service_unavailable') throw error;
      const details = { key: factory.keyId, code: error.code, reason: reasonOf(error) };
      await transaction(db, (trx) => record(trx, { ...entry, outcome: 'refused', details }));
      throw error;
    }
  }
}
