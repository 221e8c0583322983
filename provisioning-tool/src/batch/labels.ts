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
import { systemCodeOf } from '../refusal.ts';

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

  static async open(
    path: string,
    digestOf: (serial: string) => Promise<string | undefined>,
  ): Promise<LabelFile> {
    const kept = await keptRows(path, digestOf);
    const text = [header, ...kept, ''].join('\n');
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

async function keptRows(
  path: string,
  digestOf: (serial: string) => Promise<string | undefined>,
): Promise<string[]> {
  const kept: string[] = [];
  for await (const line of readLabelLines(path)) {
    const row = readRow(line);
    if (row && (await digestOf(row.serial)) === row.digest) kept.push(line);
  }
  return kept;
}

/** Serial and digest of every label in the file; a line that is no label has neither. */
export async function* readLabels(
  path: string,
): AsyncGenerator<{ serial: string; digest: string } | undefined> {
  for await (const line of readLabelLines(path)) yield readRow(line);
}

async function* readLabelLines(path: string): AsyncGenerator<string> {
  try {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity }))
      if (line !== header && line !== '') yield line;
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  }
}
