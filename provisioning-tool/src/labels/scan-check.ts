import { activationCodeDigest, readActivationCode } from '@aovis/contracts/activation-code';
import { deviceIdOf } from '@aovis/contracts/ids';
import type { BoardCode } from './board-codes.ts';
import { readScan, type Scan } from './scan-reading.ts';

export interface ScanExpectations {
  /** The label must be of this batch. */
  batchId: string | undefined;
  /** The label must be of this board. */
  serial: string | undefined;
  /** Its QR code must lead to this app. */
  activationUrl: string | undefined;
}

/** What a label turned out to be. It never holds the code, so that it may be shown, logged and kept. */
export interface ScanVerdict {
  ok: boolean;
  /** The board whose label it is, as far as that can be said. */
  serial?: string;
  model?: string;
  device_id?: string;
  batch_id?: string;
  /** A sentence, when something is not right. */
  problem?: string;
  /** Where one symbol was read wrongly. */
  wrong_symbol?: WrongSymbol;
}

export interface WrongSymbol {
  /** 1 to 3. */
  group: number;
  /** 1 to 6, within the group. */
  place: number;
  read: string;
  expected: string;
}

/** Says of each scan whose label it is, by the digests in the journal: the codes themselves need not be here any more. */
export class ScanCheck {
  readonly #boards: ReadonlyMap<string, BoardCode>;
  readonly #expected: ScanExpectations;

  constructor(boards: ReadonlyMap<string, BoardCode>, expected: ScanExpectations) {
    this.#boards = boards;
    this.#expected = expected;
  }

  check(line: string): ScanVerdict {
    const reading = readScan(line);
    if (!reading.ok) return { ok: false, problem: reading.problem };
    const { scan } = reading;
    const code = readActivationCode(scan.typed);
    if (code.ok) return this.#judge(scan, code.code);
    switch (code.reason) {
      case 'length':
        return {
          ok: false,
          problem: 'this is no activation code: it has 18 symbols, in three groups of six',
        };
      case 'symbol':
        return { ok: false, problem: 'this is no activation code: the letter U and signs are never in it' };
      case 'check':
        return this.#explain(scan, code.suggestion);
    }
  }

  /** A wrong check: if a single symbol makes it a board's code, that one was read wrongly. */
  #explain(scan: Scan, suggestion: string | undefined): ScanVerdict {
    const board = suggestion === undefined ? undefined : this.#find(scan, suggestion);
    if (suggestion === undefined || board === undefined)
      return { ok: false, problem: 'two or more symbols are wrong; read the label again, or print it again' };
    const wrong = wrongSymbolOf(scan.typed, suggestion);
    return {
      ...describe(board),
      ok: false,
      wrong_symbol: wrong,
      problem:
        `symbol ${wrong.place} of group ${wrong.group} is wrong: it reads ${wrong.read}, the label of ${board.serial} has ` +
        `${wrong.expected}; read it again, and print the label again if it is printed so`,
    };
  }

  #judge(scan: Scan, code: string): ScanVerdict {
    const board = this.#find(scan, code);
    if (!board) return this.#explainStranger(scan, code);
    const problem = this.#mismatch(scan, board);
    return problem === undefined
      ? { ...describe(board), ok: true }
      : { ...describe(board), ok: false, problem };
  }

  #explainStranger(scan: Scan, code: string): ScanVerdict {
    const former = this.#find(scan, code, hadCode);
    if (former)
      return {
        ...describe(former),
        ok: false,
        problem: `this is the label of ${former.serial} from before its code was issued anew: destroy it`,
      };
    if (code.length === 12)
      return {
        ok: false,
        problem: 'a code of 12 symbols is of an old system; only the backend can tell whose it is',
      };
    return {
      ok: false,
      problem:
        scan.serial === undefined
          ? 'no board of this station has or had this code: it is of another station'
          : `this is not the code of ${scan.serial}: it is of another board`,
    };
  }

  #mismatch({ address }: Scan, board: BoardCode): string | undefined {
    const { batchId, serial, activationUrl } = this.#expected;
    if (board.ended !== undefined) return `${board.serial} is ${board.ended}: destroy its label`;
    if (serial !== undefined && board.serial !== serial)
      return `this is the label of ${board.serial}, not of ${serial}: do not apply it`;
    if (batchId !== undefined && board.batchId !== batchId)
      return `this is a label of batch ${board.batchId}, not of ${batchId}: do not apply it`;
    if (
      address !== undefined &&
      activationUrl !== undefined &&
      address.toLowerCase() !== `${trimmed(activationUrl)}/a`.toLowerCase()
    )
      return `its QR code leads to ${address}, not to ${trimmed(activationUrl)}/a: print it again`;
    return undefined;
  }

  #find({ serial }: Scan, code: string, matches = hasCode): BoardCode | undefined {
    if (serial !== undefined) {
      const board = this.#boards.get(serial);
      return board && matches(board, code) ? board : undefined;
    }
    // The serial is part of the digest, so each board must be tried: 2 µs each.
    for (const board of this.#boards.values()) if (matches(board, code)) return board;
    return undefined;
  }
}

function hasCode({ serial, digest }: BoardCode, code: string): boolean {
  return activationCodeDigest(serial, code) === digest;
}

function hadCode({ serial, past }: BoardCode, code: string): boolean {
  return past.length > 0 && past.includes(activationCodeDigest(serial, code));
}

function describe({ serial, model, batchId }: BoardCode): Omit<ScanVerdict, 'ok'> {
  return { serial, model, device_id: deviceIdOf(serial), batch_id: batchId };
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}

/** The one place where what was read differs from the code that it should be. */
function wrongSymbolOf(typed: string, code: string): WrongSymbol {
  const symbols = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  const index = Array.from(code).findIndex((symbol, place) => symbols[place] !== symbol);
  return {
    group: Math.floor(index / 6) + 1,
    place: (index % 6) + 1,
    read: symbols[index] ?? '',
    expected: code[index] ?? '',
  };
}
