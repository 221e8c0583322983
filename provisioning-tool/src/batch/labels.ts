import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  activationCodeDigest,
  formatActivationCode,
  readActivationCode,
} from '@aovis/contracts/activation-code';
import { deviceIdOf } from '@aovis/contracts/ids';
import { AppendFile } from '../files/append-file.ts';
import { findTextFile, writeFileDurably } from '../files/durable-files.ts';
import { type PrivateFileRules, refuseLooseFile } from '../files/private-file.ts';
import { Refusal, systemCodeOf } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';

/** Who has a code before the customer has the camera can take it. */
export const labelFileRules: PrivateFileRules = { what: 'The list of activation codes' };

const header = 'serial,model,device_id,activation_code';

/** What is printed on a board's label. */
export interface Label {
  serial: string;
  model: string;
  /** 18 symbols, without hyphens. */
  code: string;
}

function rowOf({ serial, model, code }: Label): string {
  return `${serial},${model},${deviceIdOf(serial)},${formatActivationCode(code)}\n`;
}

/** Digests of a batch's activation codes, as the journal has them. */
export interface BatchCodes {
  /** By serial; each must have its row. */
  current: ReadonlyMap<string, string>;
  /** Of changes that are not finished: their rows are kept. */
  pending: ReadonlySet<string>;
}

/** The digest that the journal must have for a row to count; undefined when the row is no label. */
function readRow(line: string): { serial: string; digest: string } | undefined {
  const [serial, , , typed] = line.split(',');
  const reading = readActivationCode(typed ?? '');
  if (!serial || !reading.ok) return undefined;
  return { serial, digest: activationCodeDigest(serial, reading.code) };
}

/**
 * `labels.csv`, the label records of a batch. A row is on the disk before the journal knows its digest, so that
 * no code is lost; rows whose digest the journal does not know (the power went between the two) are dropped
 * when the file is opened, because their code was never handed over.
 */
export class LabelFile {
  readonly #file: AppendFile;

  private constructor(file: AppendFile) {
    this.#file = file;
  }

  /** `codes`: those that the journal has in this batch. */
  static async open(path: string, codes: BatchCodes): Promise<LabelFile> {
    const unlabelled = new Set(codes.current.keys());
    const kept: string[] = [];
    for await (const line of readLabelLines(path)) {
      const row = readRow(line);
      if (!row) continue;
      const isCurrent = codes.current.get(row.serial) === row.digest && unlabelled.delete(row.serial);
      if (isCurrent || codes.pending.has(row.digest)) kept.push(line);
    }
    const [first] = unlabelled;
    if (first !== undefined) {
      throw new Refusal(
        'journal',
        `${path} lacks the activation codes of ${counted(unlabelled.size, 'issued board')} (the first is ${first}), and they ` +
          'are nowhere else; put the file back, then run the same command again.',
      );
    }
    const text = textOf(kept);
    if (text !== (await findTextFile(path))) await writeFileDurably(path, text);
    return new LabelFile(await AppendFile.open(path, Buffer.byteLength(text)));
  }

  /** Resolves once the label is on the disk. */
  append(label: Label): Promise<void> {
    return this.#file.append(rowOf(label));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function textOf(rows: readonly string[]): string {
  return [header, ...rows, ''].join('\n');
}

/**
 * Puts the rows of a closed file into the order of the operator's list, in which the boards lie on the bench. After an
 * interruption they stand in the order in which boards were issued.
 */
export async function arrangeLabels(path: string, serials: readonly string[]): Promise<void> {
  const rows = new Map<string, string>();
  let lines = 0;
  let inOrder = true;
  for await (const line of readLabelLines(path)) {
    const serial = line.split(',', 1)[0] ?? '';
    inOrder &&= serials[lines] === serial;
    lines += 1;
    rows.set(serial, line);
  }
  const arranged = serials.flatMap((serial) => rows.get(serial) ?? []);
  // A file that somebody changed by hand is left alone: nothing of it may get lost.
  if (inOrder || arranged.length !== lines) return;
  await writeFileDurably(path, textOf(arranged));
}

/** Takes rows away; a file without them is left alone. */
export async function dropLabels(
  path: string,
  isGone: (label: { serial: string; digest: string } | undefined) => boolean,
): Promise<void> {
  const kept: string[] = [];
  let gone = 0;
  for await (const line of readLabelLines(path)) {
    if (isGone(readRow(line))) gone += 1;
    else kept.push(line);
  }
  if (gone > 0) await writeFileDurably(path, textOf(kept));
}

/** Adds a board's label. */
export async function addLabel(path: string, label: Label): Promise<void> {
  await addRow(path, rowOf(label));
}

/** Adds the rows of another file whose digests are asked for and not there yet; returns which digests it now has of them. */
export async function mergeLabels(
  from: string,
  to: string,
  digests: ReadonlySet<string>,
): Promise<Set<string>> {
  const lines: string[] = [];
  const present = new Set<string>();
  const take = (line: string, isOurs: boolean) => {
    const digest = readRow(line)?.digest ?? '';
    if (isOurs || (digests.has(digest) && !present.has(digest))) lines.push(line);
    if (digests.has(digest)) present.add(digest);
  };
  for await (const line of readLabelLines(to)) take(line, true);
  const ours = lines.length;
  for await (const line of readLabelLines(from)) take(line, false);
  if (lines.length > ours) await writeFileDurably(to, textOf(lines));
  return present;
}

/** Copies the rows of a board from one file to another. Repeating it changes nothing. */
export async function copyLabels(from: string, to: string, serial: string): Promise<void> {
  const present = new Set<string>();
  for await (const line of readLabelLines(to)) present.add(line);
  for await (const line of readLabelLines(from))
    if (line.startsWith(`${serial},`) && !present.has(line)) await addRow(to, `${line}\n`);
}

/** Beside the rows of the same board, so that the order of the list stays; else at the end. */
async function addRow(path: string, row: string): Promise<void> {
  const serial = row.split(',', 1)[0] ?? '';
  const lines: string[] = [];
  for await (const line of readLabelLines(path)) lines.push(line);
  const last = lines.findLastIndex((line) => line.startsWith(`${serial},`));
  await writeFileDurably(
    path,
    textOf(lines.toSpliced(last === -1 ? lines.length : last + 1, 0, row.trimEnd())),
  );
}

/**
 * Serial and digest of every label in the file; a line that is no label has neither.
 * @param isLoose whether the file may be open to others, since that is found out elsewhere
 */
export async function* readLabels(
  path: string,
  isLoose = false,
): AsyncGenerator<{ serial: string; digest: string } | undefined> {
  for await (const line of isLoose ? linesOf(path) : readLabelLines(path)) yield readRow(line);
}

async function* readLabelLines(path: string): AsyncGenerator<string> {
  if (await refuseLooseFile(path, labelFileRules)) yield* linesOf(path);
}

async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity }))
      if (line !== header && line !== '') yield line;
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  }
}
