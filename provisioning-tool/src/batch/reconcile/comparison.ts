import { deviceIdOf } from '@aovis/contracts/ids';
import { boardsPerLookup } from '@aovis/contracts/station-request';
import type { FactoryCa } from '../../ca/ca-store.ts';
import type { StationRequests } from '../../handover/station-requests.ts';
import { readIssued, readStandings, type Written } from '../../journal/journal.ts';
import { type BatchState, type BoardState, isLive, isProvisioned } from '../../journal/journal-state.ts';
import type { BoardIssued } from '../../journal/records.ts';
import { codesOf } from '../batch-codes.ts';
import type { BatchFolder } from '../batch-folder.ts';
import { WorkPool } from '../work-pool.ts';
import { type BackendRepairs, checkStanding } from './backend-check.ts';
import { checkBundle, checkLabels, checkLeftovers } from './disk-check.ts';
import type { Finding } from './finding.ts';
import { findOrphans, type OrphanCheck } from './orphan-check.ts';
import { checkRegistration, checkUnfinished, type RegistryCheck } from './registry-check.ts';

export interface ComparisonParts {
  path: string;
  replay: Written;
  batch: BatchState;
  folder: BatchFolder;
  issuers: FactoryCa['issuers'];
  now: number;
  boardsInFlight: number;
  /** Undefined: AWS IoT is not asked. */
  aws: (RegistryCheck & Pick<OrphanCheck, 'registry' | 'stationId'>) | undefined;
  /** Undefined: the backend is not asked. */
  backend: { requests: StationRequests; repairs: BackendRepairs } | undefined;
  /** Looks beyond the boards of the batch: for what nobody knows. */
  orphans: boolean;
  onBoard: () => void;
}

/** Compares disk, journal, AWS IoT and backend. Changes nothing: each finding carries what would mend it. */
export class Comparison {
  readonly #parts: ComparisonParts;
  readonly #findings: Finding[] = [];

  constructor(parts: ComparisonParts) {
    this.#parts = parts;
  }

  async run(): Promise<Finding[]> {
    const { path, replay, batch, folder, orphans } = this.#parts;
    this.#add(await checkLabels(folder, await codesOf(readStandings(path, replay), replay.state, batch.id)));
    const { findings, certificates } = await readKeys(path, replay);
    this.#add(findings);
    await this.#eachBoard();
    if (this.#parts.backend) await this.#askBackend(this.#parts.backend);
    if (orphans) await this.#lookBeyond(certificates);
    return this.#findings.sort((a, b) => a.subject.localeCompare(b.subject));
  }

  #add(findings: readonly Finding[]): void {
    this.#findings.push(...findings);
  }

  get #boards(): [serial: string, state: BoardState][] {
    return this.#parts.replay.state.boardsOf(this.#parts.batch.id);
  }

  async #eachBoard(): Promise<void> {
    const { path, replay, boardsInFlight, onBoard } = this.#parts;
    const pool = new WorkPool(boardsInFlight);
    try {
      for (const [serial, state] of this.#boards)
        await pool.add(async () => {
          const board = await readIssued(path, replay.state, serial);
          this.#add(await this.#checkBoard(board, state));
          onBoard();
        });
      await pool.drain();
    } finally {
      await Promise.allSettled([pool.drain()]);
    }
  }

  async #checkBoard(board: BoardIssued, state: BoardState): Promise<Finding[]> {
    const { folder, issuers, now, aws } = this.#parts;
    const pending = state.life?.pending;
    if (pending)
      return [
        {
          subject: board.serial,
          problem: `a change of it (${pending.kind}) was begun and is not finished`,
          advice: `aovis-provision device ${pending.kind.replace('_', '-')} ${board.serial} goes on with it`,
        },
      ];
    if (!isProvisioned(state)) return aws ? checkUnfinished(aws, board) : [];
    return [
      ...(isLive(state) ? await checkBundle(folder, board, issuers, now) : []),
      ...(aws ? await checkRegistration(aws, board, state) : []),
    ];
  }

  async #askBackend({ requests, repairs }: NonNullable<ComparisonParts['backend']>): Promise<void> {
    const { path, replay } = this.#parts;
    const boards = this.#boards;
    for (let start = 0; start < boards.length; start += boardsPerLookup) {
      const chunk = boards.slice(start, start + boardsPerLookup);
      const issued = await Promise.all(chunk.map(([serial]) => readIssued(path, replay.state, serial)));
      const standings = await requests.lookUp(issued);
      for (const [i, board] of issued.entries()) {
        const [, state] = chunk[i] as (typeof chunk)[number];
        const standing = standings[i];
        if (standing && !state.life?.pending) this.#add(checkStanding(board, state, standing, repairs));
      }
    }
  }

  async #lookBeyond(knownCertificates: ReadonlySet<string>): Promise<void> {
    const { folder, replay, aws, backend, batch, now } = this.#parts;
    const byDevice = new Map([...replay.state.boards].map(([serial, state]) => [deviceIdOf(serial), state]));
    const inBatch = (deviceId: string) => byDevice.get(deviceId)?.batch.id === batch.id;
    this.#add(
      await checkLeftovers(folder, {
        isIssued: inBatch,
        isUnfinished: (deviceId) => {
          const state = inBatch(deviceId) ? byDevice.get(deviceId) : undefined;
          return state !== undefined && (!isProvisioned(state) || state.life?.pending !== undefined);
        },
      }),
    );
    if (aws)
      this.#add(
        await findOrphans({
          ...aws,
          knownCertificates,
          isKnownDevice: (deviceId) => byDevice.has(deviceId),
          certificateArnPrefix: aws.settings.certificateArnPrefix,
          now,
        }),
      );
    if (!backend) return;
    for await (const { serial, device_id: deviceId, status } of backend.requests.listBatch(batch.id))
      if (!byDevice.has(deviceId))
        this.#add([
          {
            subject: serial,
            problem: `the backend counts it to this batch (${status}), and the journal does not know it`,
            advice: 'another station made it; merge the stations, or find the journal that knows it',
          },
        ]);
  }
}

/**
 * Boards with the key of another one, over all batches of the workspace: they mean a broken random source or a copied
 * bundle. And every certificate that the journal ever named.
 */
async function readKeys(
  path: string,
  replay: Written,
): Promise<{ findings: Finding[]; certificates: Set<string> }> {
  const holders = new Map<string, string>();
  const certificates = new Set<string>();
  const findings: Finding[] = [];
  for await (const { board } of readStandings(path, replay)) {
    const { serial, public_key_sha256: key } = board;
    certificates.add(board.certificate_id);
    const holder = holders.get(key);
    if (holder !== undefined && holder !== serial)
      findings.push({
        subject: serial,
        problem: `has the same key as ${holder}`,
        advice: `make new keys: aovis-provision device rotate ${serial}, and the same for ${holder}`,
      });
    else holders.set(key, serial);
  }
  return { findings, certificates };
}
