import { type BoardStep, boardSteps, type JournalRecord } from './records.ts';

export interface BatchState {
  id: string;
  boards: number;
  csvSha256: string;
  region: string;
  issuingCertificateSha256: string;
  stationId: string;
  startedAt: string;
}

/**
 * Where a board stands. Kept small, because a batch may have 100,000 of them: what was issued stays in the file,
 * at `issuedAt` (byte offset of its `board_issued` line).
 */
export interface BoardState {
  batch: BatchState;
  issuedAt: number;
  steps: number;
  manifest: ManifestState | undefined;
  failure: { step: string; message: string } | undefined;
}

export interface ManifestState {
  id: string;
  batch: BatchState;
  createdAt: string;
  serials: string[];
  accepted: boolean;
}

const bitOf = (step: BoardStep): number => 1 << boardSteps.indexOf(step);
const allSteps = boardSteps.reduce((bits, step) => bits | bitOf(step), 0);

export function hasStep(board: BoardState, step: BoardStep): boolean {
  return (board.steps & bitOf(step)) !== 0;
}

/** Registered, its bundle in place, its certificate active. */
export function isProvisioned(board: BoardState): boolean {
  return board.steps === allSteps;
}

export type CaRegistration = JournalRecord & { type: 'ca_registered' };

/** What the journal's lines add up to. */
export class JournalState {
  readonly batches = new Map<string, BatchState>();
  readonly boards = new Map<string, BoardState>();
  readonly manifests = new Map<string, ManifestState>();
  readonly serialsByIccid = new Map<string, string>();
  /** The latest of each region. */
  readonly caRegistrations = new Map<string, CaRegistration>();

  /** Returns what is wrong with the record, if it cannot follow the ones before. */
  apply(record: JournalRecord, offset: number, at: string): string | undefined {
    switch (record.type) {
      case 'ca_initialised':
      case 'ca_rolled_over':
      case 'ca_passphrase_changed':
      case 'station_initialised':
        return undefined;
      case 'ca_registered':
        this.caRegistrations.set(record.region, record);
        return undefined;
      case 'batch_started':
        return this.#startBatch(record, at);
      case 'board_issued':
        return this.#issue(record, offset);
      case 'board_step':
        return this.#withBoard(record.serial, (board) => {
          board.steps |= bitOf(record.step);
          board.failure = undefined;
        });
      case 'board_failed':
        return this.#withBoard(record.serial, (board) => {
          board.failure = { step: record.step, message: record.message };
        });
      case 'manifest_planned':
        return this.#planManifest(record);
      case 'manifest_accepted':
        return this.#acceptManifest(record.manifest_id);
    }
  }

  boardsOf(batchId: string): [serial: string, board: BoardState][] {
    return [...this.boards].filter(([, board]) => board.batch.id === batchId);
  }

  #startBatch(record: JournalRecord & { type: 'batch_started' }, at: string): string | undefined {
    if (this.batches.has(record.batch_id)) return `batch ${record.batch_id} starts twice`;
    this.batches.set(record.batch_id, {
      id: record.batch_id,
      boards: record.boards,
      csvSha256: record.csv_sha256,
      region: record.region,
      issuingCertificateSha256: record.issuing_certificate_sha256,
      stationId: record.station_id,
      startedAt: at,
    });
    return undefined;
  }

  #issue(record: JournalRecord & { type: 'board_issued' }, offset: number): string | undefined {
    const batch = this.batches.get(record.batch_id);
    if (!batch) return `board ${record.serial} belongs to a batch that never started`;
    if (this.boards.has(record.serial)) return `board ${record.serial} is issued twice`;
    this.boards.set(record.serial, {
      batch,
      issuedAt: offset,
      steps: 0,
      manifest: undefined,
      failure: undefined,
    });
    if (record.iccid) this.serialsByIccid.set(record.iccid, record.serial);
    return undefined;
  }

  #withBoard(serial: string, change: (board: BoardState) => void): string | undefined {
    const board = this.boards.get(serial);
    if (!board) return `board ${serial} was never issued`;
    change(board);
    return undefined;
  }

  #planManifest(record: JournalRecord & { type: 'manifest_planned' }): string | undefined {
    const batch = this.batches.get(record.batch_id);
    if (!batch) return `manifest ${record.manifest_id} belongs to a batch that never started`;
    const manifest: ManifestState = {
      id: record.manifest_id,
      batch,
      createdAt: record.created_at,
      serials: record.serials,
      accepted: false,
    };
    this.manifests.set(manifest.id, manifest);
    for (const serial of record.serials) {
      const problem = this.#withBoard(serial, (board) => {
        board.manifest = manifest;
      });
      if (problem) return problem;
    }
    return undefined;
  }

  #acceptManifest(id: string): string | undefined {
    const manifest = this.manifests.get(id);
    if (!manifest) return `manifest ${id} was never planned`;
    manifest.accepted = true;
    return undefined;
  }
}
