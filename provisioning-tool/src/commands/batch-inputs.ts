import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchFolder, batchIdOf } from '../batch/batch-folder.ts';
import { type BoardRow, csvRefusal, readBoardsCsv } from '../batch/boards-csv.ts';
import { exists, writeFileDurably } from '../files/durable-files.ts';
import type { JournalState } from '../journal/journal-state.ts';
import { messageOf, Refusal } from '../refusal.ts';

/** A CSV that was read to the end and found right. */
export interface BatchInputs {
  batchId: string;
  /** What was validated; read again by `eachBoard`. */
  path: string;
  boards: number;
  sha256: string;
  /** Only some rows of a batch that began with more, as `batch export` writes them. */
  part: boolean;
}

/** Reads and checks the whole file; exit code 3 with every problem when it is not right. */
export async function readInputs(
  workspace: string,
  csvPath: string,
  givenBatchId: string | undefined,
  state: JournalState,
  readFrom = csvPath,
): Promise<BatchInputs> {
  const batchId = batchIdOf(csvPath, givenBatchId);
  const reading = await readBoardsCsv(
    readFrom,
    batchId,
    {
      batchOfSerial: (serial) => state.listOf(serial),
      serialOfIccid: (iccid) => state.serialsByIccid.get(iccid),
    },
    () => undefined,
  );
  if (reading.problems.length > 0) throw csvRefusal(csvPath, reading.problems);
  const batch = state.batches.get(batchId);
  const part = batch !== undefined && batch.csvSha256 !== reading.sha256;
  if (part && !(await isPartOf(workspace, batchId, readFrom))) {
    throw new Refusal(
      'conflict',
      `Batch ${batchId} began with another content of ${csvPath}; put that back to go on with it, ` +
        'or give the new file a batch name of its own with --batch.',
    );
  }
  return { batchId, path: readFrom, boards: reading.boards, sha256: reading.sha256, part };
}

/** Whether every row of a file is one of the batch's own list. */
async function isPartOf(workspace: string, batchId: string, path: string): Promise<boolean> {
  const list = new BatchFolder(workspace, batchId).boards;
  if (!(await exists(list))) return false;
  const lineOf = ({ serial, model, iccid = '' }: BoardRow) => `${serial},${model},${iccid}`;
  const rows = new Set<string>();
  await eachBoard(list, batchId, (row) => void rows.add(lineOf(row)));
  let isPart = true;
  await eachBoard(path, batchId, (row) => {
    isPart &&= rows.has(lineOf(row));
  });
  return isPart;
}

/**
 * As `readInputs`, from a copy in the workspace: what was checked is what will be done, whatever happens to the
 * operator's file meanwhile. `work` may move the copy away; else it is removed.
 */
export async function withInputsCopy<T>(
  workspace: string,
  csvPath: string,
  givenBatchId: string | undefined,
  state: JournalState,
  work: (inputs: BatchInputs) => Promise<T>,
): Promise<T> {
  const copy = join(workspace, '.incoming.csv');
  let content: Buffer;
  try {
    content = await readFile(csvPath);
  } catch (error) {
    throw new Refusal('csv', `The file ${csvPath} cannot be read (${messageOf(error)}); check its name.`, {
      cause: error,
    });
  }
  try {
    await writeFileDurably(copy, content);
    return await work(await readInputs(workspace, csvPath, givenBatchId, state, copy));
  } finally {
    await rm(copy, { force: true });
  }
}

/** The boards of a checked file, one after the other. */
export async function eachBoard(
  path: string,
  batchId: string,
  take: (row: BoardRow) => void | Promise<void>,
): Promise<void> {
  const nothingKnown = { batchOfSerial: () => undefined, serialOfIccid: () => undefined };
  const { problems } = await readBoardsCsv(path, batchId, nothingKnown, take);
  if (problems.length > 0) throw csvRefusal(path, problems);
}
