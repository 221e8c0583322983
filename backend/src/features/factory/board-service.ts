import { type BoardStanding, boardStandingSchema } from '@aovis/contracts/http/factory';
import { deviceIdOf } from '@aovis/contracts/ids';
import {
  type BoardChangeRequest,
  type BoardLookupRequest,
  boardChangeRequestSchema,
  boardLookupRequestSchema,
  boardsPerLookup,
  stationRequestJwsType,
} from '@aovis/contracts/station-request';
import type { z } from 'zod';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { matchesActivationDigest, type Peppers } from '../devices/activation-hash.ts';
import { sameIccid } from '../sim/iccid.ts';
import { decideChange } from './board-change-rules.ts';
import { BoardRepository, type BoardUpdate, type FactoryBoard } from './board-repository.ts';
import { StationGate } from './station-gate.ts';
import { verifyStationRequest } from './station-request.ts';

export interface BoardDependencies {
  db: Database;
  clock: Clock;
  peppers: Peppers;
}

/** What a station asks of boards, and what it changes of one. */
export class BoardService {
  readonly #dependencies: BoardDependencies;
  readonly #gate: StationGate;

  constructor(dependencies: BoardDependencies) {
    this.#dependencies = dependencies;
    this.#gate = new StationGate(dependencies, {
      type: stationRequestJwsType,
      malformed: 'invalid_station_request',
      action: 'factory.station_request',
      subject: 'device',
    });
  }

  /** @throws AppError unknown_station, invalid_signature, invalid_station_request */
  async lookUp(jws: string, requestId: string): Promise<{ boards: BoardStanding[]; more: boolean }> {
    const request = await this.#admit(jws, requestId, boardLookupRequestSchema);
    const repository = new BoardRepository(this.#dependencies.db);
    if (request.action === 'look_up_boards')
      return { boards: await this.#standings(repository, request), more: false };
    const found = await repository.listBatch(request.batch_id, request.after, boardsPerLookup + 1);
    return {
      boards: found.slice(0, boardsPerLookup).map((board) => this.#standing(board)),
      more: found.length > boardsPerLookup,
    };
  }

  /** @throws AppError unknown_station, invalid_signature, invalid_station_request, board_conflict */
  async change(
    jws: string,
    requestId: string,
  ): Promise<{ device_id: string; result: 'changed' | 'unchanged' }> {
    const request = await this.#admit(jws, requestId, boardChangeRequestSchema);
    const decision = await transaction(this.#dependencies.db, (trx) => this.#change(trx, request, requestId));
    if (decision.kind === 'refuse')
      throw new AppError('board_conflict', { details: { reason: decision.reason } });
    return {
      device_id: deviceIdOf(request.serial),
      result: decision.kind === 'change' ? 'changed' : 'unchanged',
    };
  }

  #admit<T extends { station_id: string; issued_at: string }>(
    jws: string,
    requestId: string,
    schema: z.ZodType<T>,
  ): Promise<T> {
    return this.#gate.admit(jws, requestId, (text, station) =>
      verifyStationRequest(text, station, schema, this.#dependencies.clock.now()),
    );
  }

  async #standings(
    repository: BoardRepository,
    request: BoardLookupRequest & { action: 'look_up_boards' },
  ): Promise<BoardStanding[]> {
    const found = await repository.findBySerials(request.boards.map(({ serial }) => serial));
    const bySerial = new Map(found.map((board) => [board.serial, board]));
    return request.boards.map((asked) => {
      const board = bySerial.get(asked.serial);
      if (board === undefined)
        return {
          serial: asked.serial,
          device_id: deviceIdOf(asked.serial),
          status: 'unknown',
          owned: false,
        };
      return this.#standing(board, asked);
    });
  }

  #standing(
    board: FactoryBoard,
    asked: { activation_code_digest?: string | undefined; iccid?: string | undefined } = {},
  ): BoardStanding {
    const { activationCodeHash: hash, iccid } = board;
    const { activation_code_digest: digest } = asked;
    return boardStandingSchema.parse({
      serial: board.serial,
      device_id: board.deviceId,
      status: board.status,
      certificate_id: board.certificateId,
      handed_over_certificate_id: board.handedOverCertificateId,
      code_epoch: hash === undefined ? undefined : board.codeEpoch,
      batch_id: board.batchId,
      manifest_id: board.manifestId,
      owned: board.owned,
      ...(digest !== undefined && {
        same_code: hash !== undefined && matchesActivationDigest(digest, hash, this.#dependencies.peppers),
      }),
      ...(asked.iccid !== undefined && {
        same_sim: iccid !== undefined && sameIccid(iccid, asked.iccid),
      }),
    });
  }

  async #change(trx: Database, request: BoardChangeRequest, requestId: string) {
    const repository = new BoardRepository(trx);
    const board = await repository.lock(request.serial);
    const certificateTaken =
      board !== undefined &&
      request.action === 'replace_certificate' &&
      (await repository.isCertificateTaken(request.new_certificate_id, board.deviceId));
    const decision = decideChange(board && { ...board, certificateTaken }, request);
    if (decision.kind === 'unchanged') return decision;
    if (decision.kind === 'change')
      await repository.update(deviceIdOf(request.serial), updateOf(request), this.#dependencies.clock.now());
    await record(trx, {
      action: `factory.${request.action}`,
      actor: { kind: 'station', id: request.station_id },
      subject: { kind: 'device', id: deviceIdOf(request.serial) },
      outcome: decision.kind === 'change' ? 'ok' : 'refused',
      details: {
        ...detailsOf(request, board),
        ...(decision.kind === 'refuse' && { code: 'board_conflict', conflict: decision.reason }),
      },
      requestId,
    });
    return decision;
  }
}

function updateOf(request: BoardChangeRequest): BoardUpdate {
  switch (request.action) {
    case 'revoke_board':
      return { status: 'revoked' };
    case 'retire_board':
      return { status: 'retired', activation_code_hash: null };
    case 'replace_certificate':
      return { certificate_id: request.new_certificate_id };
    case 'move_board':
      return { batch_id: request.batch_id };
  }
}

/** For the audit log: who, why, and what it was before. */
function detailsOf(request: BoardChangeRequest, board: FactoryBoard | undefined): Record<string, unknown> {
  const { operator, reason } = request;
  return {
    operator,
    reason,
    ...(board && { status_before: board.status, owned: board.owned }),
    ...(request.action === 'retire_board' && { replaced_by: request.replaced_by }),
    ...(request.action === 'replace_certificate' && {
      certificate_before: board?.certificateId,
      certificate_after: request.new_certificate_id,
    }),
    ...(request.action === 'move_board' && {
      batch_before: board?.batchId,
      batch_after: request.batch_id,
    }),
  };
}
