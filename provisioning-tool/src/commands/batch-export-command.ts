import { copyFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BatchFolder } from '../batch/batch-folder.ts';
import { ensurePrivateDirectory, exists, syncDirectory, writeFileDurably } from '../files/durable-files.ts';
import { journalPath, readStandings, replayJournal, type Written } from '../journal/journal.ts';
import { isLive, isProvisioned } from '../journal/journal-state.ts';
import { Refusal, systemCodeOf } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import { findBatch } from './batch-comparison.ts';
import { eachBoard } from './batch-inputs.ts';
import type { CommandContext } from './command-context.ts';

export const exportFiles = { boards: 'boards.csv', failed: 'failed.csv', manifests: 'manifests' } as const;

/**
 * Writes what others need of a batch into a folder of its own, without secrets: where each board stands, the rows that
 * are not finished as a CSV that can be fed back, and the signed manifests.
 */
export async function batchExport(context: CommandContext, batchId: string, to: string): Promise<void> {
  const { terminal, workspace } = context;
  const replay = await replayJournal(journalPath(workspace));
  const batch = findBatch(replay, batchId);
  const target = resolve(to);
  if (await exists(target)) {
    throw new Refusal(
      'conflict',
      `${target} is there already; name a folder that is not, with --to. Nothing was written.`,
    );
  }
  const folder = new BatchFolder(workspace, batchId);
  const { boards, failed } = await readRows(folder, batchId, replay, journalPath(workspace));
  const manifests = await manifestNames(folder);
  if (!context.flags.dryRun) await write(target, folder, { boards, failed, manifests });
  const failedRows = failed.length - 1;
  terminal.result(
    {
      batch_id: batchId,
      to: target,
      boards: boards.length - 1,
      failed: failedRows,
      manifests: manifests.length,
    },
    [
      `Batch ${batchId}: ${counted(boards.length - 1, 'board')}, ${failedRows} not finished, ${counted(manifests.length, 'manifest')}.`,
      ...(failedRows > 0
        ? [
            `${exportFiles.failed} has the rows that are not finished, and why; this goes on with them alone: ` +
              `aovis-provision batch run ${join(target, exportFiles.failed)} --batch ${batchId}`,
          ]
        : []),
      context.flags.dryRun ? 'Nothing was written.' : `Written to ${target}`,
      ...(batch.boards === boards.length - 1 ? [] : ['Some boards of the list count to another batch now.']),
    ],
  );
}

async function readRows(folder: BatchFolder, batchId: string, { state, validBytes }: Written, path: string) {
  const boards = ['serial,model,iccid,state,certificate_active,handed_over'];
  const failed = ['serial,model,iccid,problem'];
  const listed = new Set<string>();
  const add = ({
    serial,
    model,
    iccid = '',
  }: {
    serial: string;
    model: string;
    iccid?: string | undefined;
  }) => {
    listed.add(serial);
    const board = state.boards.get(serial);
    const finished = board !== undefined && isProvisioned(board);
    const standing = board?.life?.ended ?? (finished ? 'finished' : board ? 'begun' : 'waiting');
    const active = finished && isLive(board);
    boards.push([serial, model, iccid, standing, active, board?.manifest?.accepted === true].join(','));
    if (finished) return;
    const problem = board?.failure ? `${board.failure.step}: ${board.failure.message}` : 'not reached yet';
    failed.push([serial, model, iccid, quoted(problem)].join(','));
  };
  await eachBoard(folder.boards, batchId, add);
  // Boards that came from another batch or station are in no list of this one.
  for await (const { board, standing } of readStandings(path, { state, validBytes }))
    if (standing === 'current' && board.batch_id === batchId && !listed.has(board.serial)) add(board);
  return { boards, failed };
}

/** The CSV reader takes rows up to 4,096 bytes. */
const longestProblem = 500;

/** RFC 4180. */
function quoted(text: string): string {
  return `"${text
    .slice(0, longestProblem)
    .replaceAll('"', '""')
    .replace(/[\r\n]+/g, ' ')}"`;
}

async function manifestNames(folder: BatchFolder): Promise<string[]> {
  try {
    return (await readdir(join(folder.path, 'manifests'))).filter((name) => name.endsWith('.jws')).sort();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function write(
  target: string,
  folder: BatchFolder,
  content: { boards: string[]; failed: string[]; manifests: string[] },
): Promise<void> {
  const manifests = join(target, exportFiles.manifests);
  await ensurePrivateDirectory(manifests);
  await writeFileDurably(join(target, exportFiles.boards), `${content.boards.join('\n')}\n`);
  await writeFileDurably(join(target, exportFiles.failed), `${content.failed.join('\n')}\n`);
  for (const name of content.manifests)
    await copyFile(join(folder.path, 'manifests', name), join(manifests, name));
  await syncDirectory(manifests);
}
