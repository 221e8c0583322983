import {
  type BatchLeaseRequest,
  batchLeaseRequestSchema,
  stationRequestJwsType,
} from '@aovis/contracts/station-request';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { StationGate } from './station-gate.ts';
import { verifyStationRequest } from './station-request.ts';

interface LeaseRow {
  station_id: string;
  expires_at: Date;
}

/** Keeps two stations from one list of boards. */
export class BatchLeaseService {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #gate: StationGate;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
    this.#gate = new StationGate(
      { db, clock },
      {
        type: stationRequestJwsType,
        malformed: 'invalid_station_request',
        action: 'factory.station_request',
        subject: 'batch',
      },
    );
  }

  /** @throws AppError unknown_station, invalid_signature, invalid_station_request, batch_leased */
  async handle(jws: string, requestId: string): Promise<{ batch_id: string; expires_at?: string }> {
    const request = await this.#gate.admit(jws, requestId, (text, station) =>
      verifyStationRequest(text, station, batchLeaseRequestSchema, this.#clock.now()),
    );
    const { batch_id } = request;
    if (request.action === 'release_batch') {
      await this.#release(request);
      return { batch_id };
    }
    const { station_id, expires_at } = await transaction(this.#db, (trx) =>
      this.#acquire(trx, request, requestId),
    );
    if (station_id === request.station_id) return { batch_id, expires_at: expires_at.toISOString() };
    throw new AppError('batch_leased', { details: { station_id, expires_at: expires_at.toISOString() } });
  }

  /** Returns the lease as it is then, the station's own or another's; that is refused with its audit row committed. */
  async #acquire(
    trx: Database,
    request: BatchLeaseRequest & { action: 'lease_batch' },
    requestId: string,
  ): Promise<LeaseRow> {
    const { batch_id, station_id, seconds } = request;
    const list_sha256 = Buffer.from(request.list_sha256, 'hex');
    const now = this.#clock.now();
    const expires_at = new Date(now.getTime() + seconds * 1_000);
    // One statement decides: it takes what is free, run out or the station's own.
    const taken = await trx('factory_batch_leases')
      .insert({ batch_id, list_sha256, station_id, acquired_at: now, expires_at })
      .onConflict(['batch_id', 'list_sha256'])
      .merge()
      .where('factory_batch_leases.station_id', station_id)
      .orWhere('factory_batch_leases.expires_at', '<=', now)
      .returning<LeaseRow[]>(['station_id', 'expires_at']);
    if (taken[0]) return taken[0];
    const holder = await trx('factory_batch_leases')
      .where({ batch_id, list_sha256 })
      .first<LeaseRow>('station_id', 'expires_at');
    await record(trx, {
      action: 'factory.lease_batch',
      actor: { kind: 'station', id: station_id },
      subject: { kind: 'batch', id: batch_id },
      outcome: 'refused',
      details: { code: 'batch_leased', holder: holder.station_id },
      requestId,
    });
    return holder;
  }

  async #release(request: BatchLeaseRequest & { action: 'release_batch' }): Promise<void> {
    await this.#db('factory_batch_leases')
      .where({
        batch_id: request.batch_id,
        list_sha256: Buffer.from(request.list_sha256, 'hex'),
        station_id: request.station_id,
      })
      .delete();
  }
}
