import { type BoardStep, boardSteps, type DeviceChangeKind, type JournalRecord } from './records.ts';

export interface BatchState {
  id: string;
  boards: number;
  csvSha256: string;
  region: string;
  issuingCertificateSha256: string;
  stationId: string;
  /** Whether certificate requests are signed, or keys made here. */
  boardsKeepKeys: boolean;
  /** Whether the boards keep the labels that they have, or get new codes. */
  boardsKeepCodes: boolean;
  startedAt: string;
}

/**
 * Where a board stands. Kept small, because a batch may have 100,000 of them: what was issued stays in the file,
 * at `issuedAt` (byte offset of the `board_issued` or `device_change_planned` line that says what it is now).
 */
export interface BoardState {
  batch: BatchState;
  issuedAt: number;
  steps: number;
  manifest: ManifestState | undefined;
  failure: { step: string; message: string } | undefined;
  /** Undefined for most: what happened to it since it was made. */
  life: BoardLife | undefined;
}

/** A change that was begun and not finished: the same command goes on with it. */
export interface PendingChange {
  id: string;
  kind: DeviceChangeKind;
  /** Byte offset of its line. */
  plannedAt: number;
  steps: Set<string>;
}

export interface BoardLife {
  ended: 'revoked' | 'destroyed' | undefined;
  pending: PendingChange | undefined;
  /** The batch of whose list it is, if it counts to another now. */
  listedIn: BatchState | undefined;
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

/** Whether its certificate should be good for anything. */
export function isLive(board: BoardState): boolean {
  return board.life?.ended === undefined;
}

export type CaRegistration = JournalRecord & { type: 'ca_registered' };

/** What the journal's lines add up to. */
export class JournalState {
  readonly batches = new Map<string, BatchState>();
  readonly boards = new Map<string, BoardState>();
  readonly manifests = new Map<string, ManifestState>();
  readonly serialsByIccid = new Map<string, string>();
  readonly #mergedManifests = new Map<string, ManifestState>();
  /** Where boards on the move go to, by change. */
  readonly #targets = new Map<string, BatchState>();
  /** The latest of each region. */
  readonly caRegistrations = new Map<string, CaRegistration>();
  /** Ids at AWS by `issuing_certificate_sha256`, of each region: former CAs, too. */
  readonly registeredCas = new Map<string, Map<string, string>>();
  /** SHA-256 of every issuing CA that a line names. */
  readonly issuingCas = new Set<string>();

  /** Returns what is wrong with the record, if it cannot follow the ones before. */
  apply(record: JournalRecord, offset: number, at: string): string | undefined {
    switch (record.type) {
      case 'ca_initialised':
      case 'ca_rolled_over':
        this.issuingCas.add(record.issuing_certificate_sha256);
        return undefined;
      case 'ca_passphrase_changed':
      case 'station_initialised':
        return undefined;
      case 'ca_registered':
        this.issuingCas.add(record.issuing_certificate_sha256);
        this.#registerCa(record);
        return undefined;
      case 'batch_started':
        return this.#startBatch(record, at);
      case 'board_issued':
        return this.#issue(record, offset);
      case 'board_merged':
        return this.#merge(record, offset);
      case 'board_step':
        return this.#withBoard(record.serial, (board) => {
          board.steps |= bitOf(record.step);
          board.failure = undefined;
        });
      case 'board_failed':
        return this.#withBoard(record.serial, (board) => {
          board.failure = { step: record.step, message: record.message };
        });
      case 'device_change_planned':
        return this.#planChange(record, offset);
      case 'device_change_step':
        return this.#withChange(record, ({ steps }) => void steps.add(record.step));
      case 'device_change_done':
        return this.#withChange(record, (change, board) => this.#finishChange(change, board));
      case 'repair':
        return undefined;
      case 'manifest_planned':
        return this.#planManifest(record);
      case 'manifest_accepted':
        return this.#acceptManifest(record.manifest_id);
    }
  }

  /** The batch of whose list the board is, wherever it counts now. */
  listOf(serial: string): string | undefined {
    const board = this.boards.get(serial);
    return board && (board.life?.listedIn ?? board.batch).id;
  }

  boardsOf(batchId: string): [serial: string, board: BoardState][] {
    return [...this.boards].filter(([, board]) => board.batch.id === batchId);
  }

  #registerCa(record: CaRegistration): void {
    const { region, issuing_certificate_sha256: sha256, ca_certificate_id: id } = record;
    this.caRegistrations.set(region, record);
    this.registeredCas.set(region, new Map(this.registeredCas.get(region)).set(sha256, id));
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
      boardsKeepKeys: record.keys === 'board',
      boardsKeepCodes: record.codes === 'printed',
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
      life: undefined,
    });
    if (record.iccid) this.serialsByIccid.set(record.iccid, record.serial);
    return undefined;
  }

  #merge(record: JournalRecord & { type: 'board_merged' }, offset: number): string | undefined {
    const problem = this.#issue({ type: 'board_issued', ...record.board }, offset);
    if (problem) return problem;
    return this.#withBoard(record.board.serial, (board) => {
      board.steps = allSteps;
      board.batch.boards += 1;
      board.manifest = this.#mergedManifest(record.manifest_id, board.batch);
    });
  }

  /** Boards of one manifest share it. */
  #mergedManifest(id: string, batch: BatchState): ManifestState {
    const known = this.#mergedManifests.get(id);
    if (known) return known;
    // Not among `manifests`: this station has nothing to hand over of it.
    const manifest = { id, batch, createdAt: batch.startedAt, serials: [], accepted: true };
    this.#mergedManifests.set(id, manifest);
    return manifest;
  }

  #planChange(record: JournalRecord & { type: 'device_change_planned' }, offset: number): string | undefined {
    const target = this.batches.get(record.board.batch_id);
    if (!target) return `board ${record.board.serial} is moved to a batch that never started`;
    return this.#withBoard(record.board.serial, (board) => {
      board.life ??= { ended: undefined, pending: undefined, listedIn: undefined };
      board.life.pending = { id: record.change_id, kind: record.kind, plannedAt: offset, steps: new Set() };
      if (record.kind === 'transfer') this.#targets.set(record.change_id, target);
    });
  }

  #withChange(
    { serial, change_id: id }: { serial: string; change_id: string },
    apply: (change: PendingChange, board: BoardState) => void,
  ): string | undefined {
    const board = this.boards.get(serial);
    const change = board?.life?.pending;
    if (!board || change?.id !== id) return `change ${id} of board ${serial} was never planned`;
    apply(change, board);
    return undefined;
  }

  #finishChange(change: PendingChange, board: BoardState): void {
    const life = board.life as BoardLife;
    life.pending = undefined;
    if (change.kind === 'revoke') life.ended = 'revoked';
    else if (change.kind === 'destroy') life.ended = 'destroyed';
    else board.issuedAt = change.plannedAt;
    const target = this.#targets.get(change.id);
    if (target === undefined) return;
    this.#targets.delete(change.id);
    if (target === board.batch) return;
    life.listedIn ??= board.batch;
    board.batch.boards -= 1;
    target.boards += 1;
    board.batch = target;
    // Back where it came from.
    if (life.listedIn === target) life.listedIn = undefined;
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
