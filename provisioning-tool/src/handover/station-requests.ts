import type { BoardStanding } from '@aovis/contracts/http/factory';
import {
  type BatchLeaseRequest,
  type BoardChangeRequest,
  type BoardLookupRequest,
  batchLeaseRequestSchema,
  boardChangeRequestSchema,
  boardLookupRequestSchema,
  stationRequestJwsType,
} from '@aovis/contracts/station-request';
import { CompactSign } from 'jose';
import type { Clock } from '../clock.ts';
import type { BoardIssued } from '../journal/records.ts';
import type { BackendClient } from './backend-client.ts';
import type { Station } from './station-key.ts';

type Unsigned<T> = T extends unknown ? Omit<T, 'schema_version' | 'station_id' | 'issued_at'> : never;

/** Questions and changes that this station signs. A request is good for minutes, so each is signed when it is sent. */
export class StationRequests {
  readonly #backend: BackendClient;
  readonly #station: Station;
  readonly #clock: Clock;

  constructor(backend: BackendClient, station: Station, clock: Clock) {
    this.#backend = backend;
    this.#station = station;
    this.#clock = clock;
  }

  /** What the backend has of these boards, in their order; at most 500. */
  async lookUp(boards: readonly BoardIssued[]): Promise<BoardStanding[]> {
    const { boards: standings } = await this.#ask({
      action: 'look_up_boards',
      boards: boards.map(({ serial, activation_code_digest, iccid }) => ({
        serial,
        ...(activation_code_digest ? { activation_code_digest } : {}),
        ...(iccid ? { iccid } : {}),
      })),
    });
    return standings;
  }

  /** Rejects when the backend does not take what this station signs. */
  async knowsUs(): Promise<void> {
    await this.#ask({ action: 'look_up_boards', boards: [{ serial: 'AA-000000' }] });
  }

  /** Every board that the backend counts to a batch. */
  async *listBatch(batchId: string): AsyncGenerator<BoardStanding> {
    let after: string | undefined;
    for (;;) {
      const page = await this.#ask({ action: 'list_batch', batch_id: batchId, ...(after ? { after } : {}) });
      yield* page.boards;
      after = page.boards.at(-1)?.serial;
      if (!page.more || after === undefined) return;
    }
  }

  async change(request: Unsigned<BoardChangeRequest>): Promise<'changed' | 'unchanged'> {
    const signed = boardChangeRequestSchema.parse({ ...this.#common(), ...request });
    return await this.#backend.change(await this.#sign(signed));
  }

  async lease(request: Unsigned<BatchLeaseRequest>): Promise<void> {
    const signed = batchLeaseRequestSchema.parse({ ...this.#common(), ...request });
    await this.#backend.lease(await this.#sign(signed));
  }

  async #ask(request: Unsigned<BoardLookupRequest>) {
    const signed = boardLookupRequestSchema.parse({ ...this.#common(), ...request });
    return await this.#backend.lookUp(await this.#sign(signed));
  }

  #common() {
    return {
      schema_version: 1 as const,
      station_id: this.#station.stationId,
      issued_at: new Date(this.#clock.now()).toISOString(),
    };
  }

  #sign(request: object): Promise<string> {
    return new CompactSign(Buffer.from(JSON.stringify(request), 'utf8'))
      .setProtectedHeader({ alg: 'EdDSA', typ: stationRequestJwsType, kid: this.#station.stationId })
      .sign(this.#station.key);
  }
}
