import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { iccidSchema, modelCodeSchema, serialSchema } from '@aovis/contracts/ids';
import { CsvError, type Info, parse } from 'csv-parse';
import { Refusal, systemCodeOf } from '../refusal.ts';

/** A board as ordered: one row of the operator's CSV. */
export interface BoardRow {
  serial: string;
  model: string;
  iccid: string | undefined;
}

export interface CsvProblem {
  /** Line of the file, from 1. */
  row: number;
  column: string | undefined;
  /** What is wrong and what to do. */
  problem: string;
}

/** `problem` is of the list of unfinished boards that `batch export` writes, and not looked at. */
const columns = ['serial', 'model', 'iccid', 'problem'] as const;
type Column = (typeof columns)[number];
const requiredColumns: readonly Column[] = ['serial', 'model'];
/** More are not read out: the file is wrong as a whole, not in a cell. */
const mostProblems = 100;
/** As spreadsheets write them: comma, semicolon where the comma is the decimal sign, tab. No cell of ours holds one. */
const delimiters = [',', ';', '\t'];
/** An unclosed quote must not swallow a gigabyte. */
const longestRow = 4_096;

export interface CsvReading {
  boards: number;
  sha256: string;
  problems: CsvProblem[];
}

/** What the journal knows; a serial or SIM card it has in another batch is a duplicate. */
export interface KnownBoards {
  batchOfSerial(serial: string): string | undefined;
  serialOfIccid(iccid: string): string | undefined;
}

/**
 * Reads the whole file, checks every row and gives each good one to `take`. Nothing else happens until all of it
 * was found right. Memory grows only by the serials and SIM cards seen.
 */
export async function readBoardsCsv(
  path: string,
  batchId: string,
  known: KnownBoards,
  take: (row: BoardRow) => void | Promise<void>,
): Promise<CsvReading> {
  const hash = createHash('sha256');
  const check = new RowCheck(batchId, known);
  let header: Header | undefined;
  let boards = 0;
  const source = createReadStream(path);
  let text: boolean | undefined;
  source.on('data', (chunk) => {
    hash.update(chunk);
    text ??= isText(Buffer.from(chunk));
  });
  const parser = source.pipe(
    parse({
      bom: true,
      delimiter: delimiters,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      trim: true,
      max_record_size: longestRow,
    }),
  );
  source.on('error', (error) => parser.destroy(error));
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      const line = info.lines;
      if (text === false) break;
      if (!header) {
        header = readHeader(record, line, check);
        if (!header) break;
        continue;
      }
      const row = check.row(record, header, line);
      if (check.problems.length >= mostProblems) break;
      if (!row) continue;
      boards += 1;
      await take(row);
    }
  } catch (error) {
    const problem = unreadable(path, error);
    if (text !== false) check.report(problem);
  } finally {
    source.destroy();
  }
  if (text === false) {
    check.report({
      row: 1,
      column: undefined,
      problem: 'the file is not text; in the spreadsheet save it as «CSV UTF-8».',
    });
  } else if (check.problems.length === 0 && boards === 0)
    check.report({
      row: 1,
      column: undefined,
      problem: 'the file has no boards; add one row for each board.',
    });
  return { boards, sha256: hash.digest('hex'), problems: check.problems };
}

/** UTF-8, or UTF-16 as Windows writes it. A spreadsheet's own file (ZIP) and other binary files hold zero bytes. */
function isText(start: Buffer): boolean {
  const isUtf16 = start[0] === 0xff && start[1] === 0xfe;
  return isUtf16 || !(start.includes(0) || start.subarray(0, 4).equals(Buffer.from('PK\x03\x04')));
}

function unreadable(path: string, error: unknown): CsvProblem {
  if (
    systemCodeOf(error) === 'ENOENT' ||
    systemCodeOf(error) === 'EISDIR' ||
    systemCodeOf(error) === 'EACCES'
  )
    throw new Refusal('csv', `The file ${path} cannot be read (${systemCodeOf(error)}); check its name.`);
  if (!(error instanceof CsvError)) throw error;
  const lines = (error as CsvError & { lines?: number }).lines ?? 1;
  return { row: lines, column: undefined, problem: syntaxProblem(error) };
}

/** The parser's own messages quote the file, whatever bytes it has. */
function syntaxProblem({ code }: CsvError): string {
  if (code === 'CSV_MAX_RECORD_SIZE' || code === 'CSV_QUOTE_NOT_CLOSED')
    return 'a quote is opened and never closed; close it or remove it.';
  if (code === 'INVALID_OPENING_QUOTE' || code === 'CSV_INVALID_CLOSING_QUOTE')
    return 'a quote stands inside a cell; remove it.';
  return `the row is not CSV (${code}); correct it.`;
}

/** Where each column stands. */
type Header = Map<Column, number>;

function readHeader(cells: string[], line: number, check: RowCheck): Header | undefined {
  const header: Header = new Map();
  const names = cells.map((cell) => cell.toLowerCase());
  if (!columns.some((column) => names.includes(column))) {
    check.report({
      row: line,
      column: undefined,
      problem: 'this row must name the columns, and names none; put one above it, e.g. serial,model,iccid.',
    });
    return undefined;
  }
  for (const [index, cell] of cells.entries()) {
    const name = cell.toLowerCase();
    const column = columns.find((candidate) => candidate === name);
    if (!column) {
      check.report({
        row: line,
        column: cell,
        problem: `there is no column of that name; known are serial, model and iccid. Remove it.`,
      });
    } else if (header.has(column)) {
      check.report({ row: line, column, problem: 'the column is there twice; remove one.' });
    } else header.set(column, index);
  }
  for (const column of requiredColumns) {
    if (!header.has(column))
      check.report({
        row: line,
        column,
        problem: 'the column is missing; the first row must name the columns, e.g. serial,model,iccid.',
      });
  }
  return check.problems.length === 0 ? header : undefined;
}

class RowCheck {
  readonly problems: CsvProblem[] = [];
  readonly #batchId: string;
  readonly #known: KnownBoards;
  readonly #lineOfSerial = new Map<string, number>();
  readonly #lineOfIccid = new Map<string, number>();

  constructor(batchId: string, known: KnownBoards) {
    this.#batchId = batchId;
    this.#known = known;
  }

  report(problem: CsvProblem): void {
    this.problems.push(problem);
  }

  row(cells: string[], header: Header, line: number): BoardRow | undefined {
    const before = this.problems.length;
    if (cells.length !== header.size) {
      this.report({
        row: line,
        column: undefined,
        problem: `the row has ${cells.length} cells, the header ${header.size}; correct the row.`,
      });
      return undefined;
    }
    const cell = (column: Column) => cells[header.get(column) ?? -1] ?? '';
    const serial = cell('serial');
    const model = cell('model');
    const iccid = cell('iccid') || undefined;
    this.#checkSerial(serial, line);
    this.#checkModel(model, serial, line);
    if (iccid !== undefined) this.#checkIccid(iccid, serial, line);
    return this.problems.length === before ? { serial, model, iccid } : undefined;
  }

  #checkSerial(serial: string, line: number): void {
    const report = (problem: string) => this.report({ row: line, column: 'serial', problem });
    const parsed = serialSchema.safeParse(serial);
    if (!parsed.success)
      return report(`«${shown(serial)}»: ${parsed.error.issues[0]?.message ?? 'not valid'}.`);
    const first = this.#lineOfSerial.get(serial);
    if (first !== undefined) return report(`${serial} is in row ${first} already; remove one of the two.`);
    this.#lineOfSerial.set(serial, line);
    const batch = this.#known.batchOfSerial(serial);
    if (batch !== undefined && batch !== this.#batchId)
      report(`${serial} was provisioned in batch ${batch} already; remove the row.`);
  }

  #checkModel(model: string, serial: string, line: number): void {
    const report = (problem: string) => this.report({ row: line, column: 'model', problem });
    const parsed = modelCodeSchema.safeParse(model);
    if (!parsed.success)
      return report(`«${shown(model)}»: ${parsed.error.issues[0]?.message ?? 'not valid'}.`);
    const ofSerial = serial.split('-', 1)[0]?.toLowerCase();
    if (serialSchema.safeParse(serial).success && ofSerial !== model)
      report(
        `${model} does not go with the serial ${serial}, which is of model ${ofSerial}; correct one of the two.`,
      );
  }

  #checkIccid(iccid: string, serial: string, line: number): void {
    const report = (problem: string) => this.report({ row: line, column: 'iccid', problem });
    if (/^\d+([.,]\d+)?E\+?\d+$/i.test(iccid))
      return report(
        `«${shown(iccid)}»: a spreadsheet has shortened the number; format the column as text and enter it again.`,
      );
    const parsed = iccidSchema.safeParse(iccid);
    if (!parsed.success)
      return report(`«${shown(iccid)}»: ${parsed.error.issues[0]?.message ?? 'not valid'}.`);
    const first = this.#lineOfIccid.get(iccid);
    if (first !== undefined)
      return report(`the SIM card is in row ${first} already; correct one of the two.`);
    this.#lineOfIccid.set(iccid, line);
    const holder = this.#known.serialOfIccid(iccid);
    if (holder !== undefined && holder !== serial)
      report(`the SIM card belongs to ${holder} already; correct the row.`);
  }
}

/** What stands in a cell, safe to print on one line. */
function shown(cell: string): string {
  const printable = cell.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '?');
  return printable.length > 40 ? `${printable.slice(0, 40)}…` : printable;
}

/** One line a problem: file, row, column, what is wrong and what to do. */
export function problemLines(path: string, problems: readonly CsvProblem[]): string[] {
  const lines = problems.map(
    ({ row, column, problem }) =>
      `${path}, row ${row}${column === undefined ? '' : `, column ${shown(column)}`}: ${problem}`,
  );
  return problems.length >= mostProblems ? [...lines, `${path}: further problems are not shown.`] : lines;
}

export function csvRefusal(path: string, problems: readonly CsvProblem[]): Refusal {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new Refusal('csv', `${path} has ${count}; nothing was done. Correct the file and start again.`, {
    details: problemLines(path, problems),
  });
}
