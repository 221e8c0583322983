import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deviceIdOf } from '@aovis/contracts/ids';
import { bundleFiles } from '@aovis/contracts/provisioning';
import type { FactoryCa } from '../ca/ca-store.ts';
import { exists, renameDurably, writeDirectoryDurably, writeFileDurably } from '../files/durable-files.ts';
import { type Journal, readIssued, readStandings, type Written } from '../journal/journal.ts';
import { type BatchState, isLive, isProvisioned } from '../journal/journal-state.ts';
import type { BoardIssued } from '../journal/records.ts';
import { Refusal } from '../refusal.ts';
import type { BatchFolder } from './batch-folder.ts';
import { verifyBundle } from './batch-verify.ts';
import { mergeLabels } from './labels.ts';

/** A finished board of the other station. */
export interface MergedBoard {
  board: BoardIssued;
  manifestId: string;
}

export interface MergePlan {
  /** Not here yet. */
  boards: MergedBoard[];
  /** Here already, with the same certificate: merged before. */
  present: number;
  /** Revoked or destroyed there: they stay there. */
  ended: number;
}

export interface MergeSource {
  /** Its journal. */
  path: string;
  written: Written;
  batch: BatchState;
  folder: BatchFolder;
}

/** This station. */
export interface MergeTarget {
  path: string;
  written: Written;
  ca: FactoryCa;
}

/** More are not read out. */
const mostProblems = 20;

/** Looks at every board of the other station, and refuses all when one of them cannot be taken over. */
export async function planMerge(source: MergeSource, target: MergeTarget, now: number): Promise<MergePlan> {
  const { path, written, batch, folder } = source;
  const plan: MergePlan = { boards: [], present: 0, ended: 0 };
  const problems: string[] = [];
  const holders = await readKeyHolders(target);
  for (const [serial, state] of written.state.boardsOf(batch.id)) {
    if (!isLive(state)) {
      plan.ended += 1;
      continue;
    }
    const issued = await readIssued(path, written.state, serial);
    if (target.written.state.boards.has(serial)) {
      const ours = await readIssued(target.path, target.written.state, serial);
      if (ours.certificate_id === issued.certificate_id) plan.present += 1;
      else problems.push(`${serial} was made here, too, with another key; find out which board is which`);
      continue;
    }
    if (!isProvisioned(state) || !state.manifest?.accepted || state.life?.pending) {
      problems.push(`${serial} is not finished or not handed over there; finish it there first`);
      continue;
    }
    const holder = holders.get(issued.public_key_sha256);
    if (holder !== undefined)
      problems.push(
        `${serial} has the key of ${holder}: a chip was cloned, or a file was copied; ` +
          `make a new key there: aovis-provision device rotate ${serial}`,
      );
    const found = await verifyBundle(folder.bundle(deviceIdOf(serial)), issued, target.ca.issuers, now);
    problems.push(...found.map((problem) => `${serial}: ${problem}`));
    const board = { ...issued, station_id: issued.station_id ?? batch.stationId };
    plan.boards.push({ board, manifestId: state.manifest.id });
  }
  if (problems.length === 0) return plan;
  throw new Refusal('conflict', 'The boards of the other station cannot be taken over; nothing was done.', {
    details: [
      ...problems.slice(0, mostProblems),
      ...(problems.length > mostProblems ? [`and ${problems.length - mostProblems} more`] : []),
    ],
  });
}

/** Serials by SHA-256 of the public keys that their boards have or had here. Neither station alone can see a key of both. */
async function readKeyHolders({ path, written }: MergeTarget): Promise<Map<string, string>> {
  const holders = new Map<string, string>();
  for await (const { board } of readStandings(path, written))
    holders.set(board.public_key_sha256, board.serial);
  return holders;
}

/**
 * Takes the boards over: bundle, label and manifest first, then the line in the journal. What a cut leaves is taken over
 * again by the same command.
 */
export async function merge(
  source: MergeSource,
  to: BatchFolder,
  plan: MergePlan,
  journal: Journal,
  operator: string,
  signal: AbortSignal,
): Promise<void> {
  await to.create();
  await copyManifests(source.folder, to);
  const digests = new Set(plan.boards.flatMap(({ board }) => board.activation_code_digest ?? []));
  const labelled = await mergeLabels(source.folder.labels, to.labels, digests);
  for (const { board, manifestId } of plan.boards) {
    signal.throwIfAborted();
    const digest = board.activation_code_digest;
    if (digest !== undefined && !labelled.has(digest))
      throw new Refusal(
        'conflict',
        `labels.csv of the other station lacks the code of ${board.serial}; put it back there, then run the same command again.`,
      );
    await copyBundle(source.folder, to, board);
    const { type: _type, ...identity } = board;
    await journal.append({ type: 'board_merged', board: identity, manifest_id: manifestId, operator });
  }
}

async function copyManifests(from: BatchFolder, to: BatchFolder): Promise<void> {
  for (const name of await readdir(join(from.path, 'manifests'))) {
    const target = join(to.path, 'manifests', name);
    if (name.endsWith('.jws') && !(await exists(target)))
      await writeFileDurably(target, await readFile(join(from.path, 'manifests', name)));
  }
}

async function copyBundle(from: BatchFolder, to: BatchFolder, board: BoardIssued): Promise<void> {
  const deviceId = deviceIdOf(board.serial);
  if (await exists(to.bundle(deviceId))) return;
  const names = Object.values(bundleFiles).filter(
    (name) => board.key !== 'board' || name !== bundleFiles.privateKey,
  );
  const files = await Promise.all(
    names.map(async (name) => [name, await readFile(join(from.bundle(deviceId), name), 'utf8')] as const),
  );
  await rm(to.staged(deviceId), { recursive: true, force: true });
  await writeDirectoryDurably(to.staged(deviceId), Object.fromEntries(files));
  await renameDurably(to.staged(deviceId), to.bundle(deviceId));
}
