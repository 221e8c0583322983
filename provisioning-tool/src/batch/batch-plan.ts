import { createHash } from 'node:crypto';
import type { QuotaOperation } from '../cloud/iot-registry.ts';
import type { Config } from '../config.ts';
import type { BackendClient } from '../handover/backend-client.ts';
import { conflictAdvice, conflictSentence } from '../handover/conflict-sentence.ts';
import { boardsPerManifest, manifestDeviceOf, manifestIdOf, signManifest } from '../handover/manifest.ts';
import type { Station } from '../handover/station-key.ts';
import { hasStep, isProvisioned, type JournalState } from '../journal/journal-state.ts';
import type { BoardIssued, BoardStep } from '../journal/records.ts';
import { Refusal } from '../refusal.ts';
import type { BoardRow } from './boards-csv.ts';
import { boardCalls, type CallQuota, type CallQuotas } from './call-quotas.ts';

/** More are not read out: the list as a whole is the wrong one. */
const mostConflicts = 100;

/** Calls that a batch still takes, and how long the quotas make that at least. */
export interface BatchPlan {
  boards: number;
  finished: number;
  issued: number;
  /** Not issued yet. */
  fresh: number;
  calls: ({ operation: QuotaOperation; calls: number; seconds: number } & CallQuota)[];
  /** The slowest quota decides: the calls of one board overlap with those of others. */
  seconds: number;
}

/** Counts a batch row by row. */
export class PlanCounter {
  readonly #state: JournalState;
  readonly #config: Config;
  readonly #remaining: Record<BoardStep, number> = {
    thing: 0,
    certificate: 0,
    principal: 0,
    policy: 0,
    bundle: 0,
    active: 0,
  };
  #boards = 0;
  #finished = 0;
  #issued = 0;

  constructor(state: JournalState, config: Config) {
    this.#state = state;
    this.#config = config;
  }

  add(row: BoardRow): void {
    this.#boards += 1;
    const state = this.#state.boards.get(row.serial);
    if (state && isProvisioned(state)) this.#finished += 1;
    else if (state) this.#issued += 1;
    for (const step of Object.keys(this.#remaining) as BoardStep[])
      if (!state || !hasStep(state, step)) this.#remaining[step] += 1;
  }

  /** How long the rest takes at these quotas. */
  plan(quotas: CallQuotas): BatchPlan {
    const calls = boardCalls(this.#config).map(([operation, step]) => ({
      operation,
      calls: this.#remaining[step],
      ...quotas.of[operation],
      seconds: this.#remaining[step] / quotas.of[operation].callsPerSecond,
    }));
    return {
      boards: this.#boards,
      finished: this.#finished,
      issued: this.#issued,
      fresh: this.#boards - this.#finished - this.#issued,
      calls,
      seconds: Math.max(...calls.map(({ seconds }) => seconds)),
    };
  }
}

export interface NoveltyQuestion {
  backend: BackendClient;
  station: Station;
  batchId: string;
  /** Milliseconds since 1970. */
  now: number;
  /** Whether the boards keep codes that the backend must have. */
  printedCodes: boolean;
}

/**
 * Asks the backend, without changing it, whether boards are new to it. Their codes and certificates do not
 * exist yet, so stand-ins are sent: a board the backend knows already is then a conflict, whatever it holds. Boards that
 * keep their codes must be known, and have no certificate.
 */
export class NoveltyCheck {
  readonly #backend: BackendClient;
  readonly #station: Station;
  readonly #batchId: string;
  readonly #now: number;
  readonly #printedCodes: boolean;
  #waiting: BoardIssued[] = [];
  readonly conflicts: string[] = [];

  constructor({ backend, station, batchId, now, printedCodes }: NoveltyQuestion) {
    this.#backend = backend;
    this.#station = station;
    this.#batchId = batchId;
    this.#now = now;
    this.#printedCodes = printedCodes;
  }

  async add(row: BoardRow): Promise<void> {
    const standIn = (what: string) =>
      createHash('sha256').update(`aovis-dry-run\0${what}\0${row.serial}`).digest('hex');
    this.#waiting.push({
      type: 'board_issued',
      batch_id: this.#batchId,
      serial: row.serial,
      model: row.model,
      ...(row.iccid ? { iccid: row.iccid } : {}),
      certificate_id: standIn('certificate'),
      public_key_sha256: standIn('key'),
      ...(this.#printedCodes ? { code: 'printed' as const } : { activation_code_digest: standIn('code') }),
      code_epoch: 1,
    });
    if (this.#waiting.length >= boardsPerManifest) await this.#ask();
  }

  /** Refuses when the backend knows one of the boards, or its SIM card. */
  async finish(): Promise<void> {
    if (this.#waiting.length > 0) await this.#ask();
    if (this.conflicts.length > 0) {
      throw new Refusal('conflict', 'The backend does not take some of these boards; nothing was done.', {
        details: [
          ...this.conflicts.slice(0, mostConflicts),
          ...(this.conflicts.length > mostConflicts
            ? [`and ${this.conflicts.length - mostConflicts} more; is this the right list?`]
            : []),
        ],
      });
    }
  }

  async #ask(): Promise<void> {
    const boards = this.#waiting;
    this.#waiting = [];
    const manifest = {
      schema_version: 1 as const,
      manifest_id: manifestIdOf(this.#batchId, this.#now, boards),
      station_id: this.#station.stationId,
      batch_id: this.#batchId,
      created_at: new Date(this.#now).toISOString(),
      devices: boards.map(manifestDeviceOf),
    };
    const answer = await this.#backend.push(await signManifest(manifest, this.#station), true);
    for (const device of answer.devices)
      if (device.result !== 'accepted')
        this.conflicts.push(`${conflictSentence(device)}; ${conflictAdvice(device)}.`);
  }
}
