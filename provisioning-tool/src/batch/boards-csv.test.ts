import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type BoardRow, type KnownBoards, problemLines, readBoardsCsv } from './boards-csv.ts';

const nothingKnown: KnownBoards = { batchOfSerial: () => undefined, serialOfIccid: () => undefined };

describe('the CSV of a batch', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aovis-csv-'));
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  async function read(content: string | Uint8Array, known = nothingKnown) {
    const path = join(directory, 'boards.csv');
    await writeFile(path, content);
    const rows: BoardRow[] = [];
    const reading = await readBoardsCsv(path, 'boards', known, (row) => void rows.push(row));
    return { rows, ...reading, lines: problemLines('boards.csv', reading.problems) };
  }

  it('reads rows, whatever the order of columns, line ends, quotes and byte order mark', async () => {
    const { rows, lines, boards } = await read(
      '\ufeffmodel,Serial,ICCID\r\nn4k, N4K-000001 ,8944500102198304826\r\n"n5k","N5K-000001",\r\n\r\n',
    );
    expect(lines).toEqual([]);
    expect(boards).toBe(2);
    expect(rows).toEqual([
      { serial: 'N4K-000001', model: 'n4k', iccid: '8944500102198304826' },
      { serial: 'N5K-000001', model: 'n5k', iccid: undefined },
    ]);
  });

  it.each([
    ['semicolons', '\ufeffserial;model;iccid\r\nN4K-000001;n4k;8944500102198304826\r\n'],
    ['tabs', 'serial\tmodel\ticcid\nN4K-000001\tn4k\t8944500102198304826\n'],
    ['emptied rows at the end', 'serial,model,iccid\nN4K-000001,n4k,8944500102198304826\n,,\n , ,\n'],
    [
      'UTF-16',
      Buffer.from('\ufeffserial\tmodel\ticcid\r\nN4K-000001\tn4k\t8944500102198304826\r\n', 'utf16le'),
    ],
  ])('reads what spreadsheets save: %s', async (_, content) => {
    const { rows, lines } = await read(content);
    expect(lines).toEqual([]);
    expect(rows).toEqual([{ serial: 'N4K-000001', model: 'n4k', iccid: '8944500102198304826' }]);
  });

  it.each([
    ["a spreadsheet's own file", 'PK\u0003\u0004,serial,model\n'],
    ['zero bytes', Buffer.alloc(100_000)],
    ['UTF-16 the other way round', Buffer.from('\ufeffserial,model\n', 'utf16le').swap16()],
  ])('is not %s', async (_, content) => {
    expect((await read(content)).lines).toEqual([
      'boards.csv, row 1: the file is not text; in the spreadsheet save it as «CSV UTF-8».',
    ]);
  });

  it.each([
    ['an empty file', '', 'boards.csv, row 1: the file has no boards; add one row for each board.'],
    [
      'only a header',
      'serial,model\n',
      'boards.csv, row 1: the file has no boards; add one row for each board.',
    ],
    [
      'no header',
      'N4K-000001,n4k\n',
      'boards.csv, row 1: this row must name the columns, and names none; put one above it, e.g. serial,model,iccid.',
    ],
    [
      'a column too many',
      'serial,model,colour\nN4K-000001,n4k,red\n',
      'boards.csv, row 1, column colour: there is no column of that name; known are serial, model and iccid. Remove it.',
    ],
    [
      'a column twice',
      'serial,model,serial\n',
      'boards.csv, row 1, column serial: the column is there twice; remove one.',
    ],
    [
      'a column missing',
      'serial\nN4K-000001\n',
      'boards.csv, row 1, column model: the column is missing; the first row must name the columns, e.g. serial,model,iccid.',
    ],
    [
      'a lower-case serial',
      'serial,model\nn4k-000001,n4k\n',
      'boards.csv, row 2, column serial: «n4k-000001»: a serial is MODEL-NNNNNN, e.g. N4K-000123.',
    ],
    [
      'an upper-case model',
      'serial,model\nN4K-000001,N4K\n',
      'boards.csv, row 2, column model: «N4K»: a model code is 2 to 8 of a-z and 0-9, e.g. n4k.',
    ],
    [
      'a model of another serial',
      'serial,model\nN4K-000001,n5k\n',
      'boards.csv, row 2, column model: n5k does not go with the serial N4K-000001, which is of model n4k; correct one of the two.',
    ],
    [
      'a serial twice',
      'serial,model\nN4K-000001,n4k\nN4K-000001,n4k\n',
      'boards.csv, row 3, column serial: N4K-000001 is in row 2 already; remove one of the two.',
    ],
    [
      'a mistyped ICCID',
      'serial,model,iccid\nN4K-000001,n4k,8944500102198304827\n',
      'boards.csv, row 2, column iccid: «8944500102198304827»: the last digit of the ICCID is wrong (Luhn check): a digit was mistyped.',
    ],
    [
      'an ICCID twice',
      'serial,model,iccid\nN4K-000001,n4k,8944500102198304826\nN4K-000002,n4k,8944500102198304826\n',
      'boards.csv, row 3, column iccid: the SIM card is in row 2 already; correct one of the two.',
    ],
    [
      'a row too short',
      'serial,model,iccid\nN4K-000001,n4k\n',
      'boards.csv, row 2: the row has 2 cells, the header 3; correct the row.',
    ],
    [
      'an open quote',
      'serial,model\n"N4K-000001,n4k\n',
      'boards.csv, row 2: a quote is opened and never closed; close it or remove it.',
    ],
    [
      'a quote inside a cell',
      'serial,model\nN4K-00"0001,n4k\n',
      'boards.csv, row 2: a quote stands inside a cell; remove it.',
    ],
    [
      'a number that a spreadsheet shortened',
      'serial,model,iccid\nN4K-000001,n4k,8.94450010219830E+18\n',
      'boards.csv, row 2, column iccid: «8.94450010219830E+18»: a spreadsheet has shortened the number; format the column as text and enter it again.',
    ],
    [
      'terminal commands in a cell',
      'serial,model\n\u001b[2Jx,n4k\n',
      'boards.csv, row 2, column serial: «?[2Jx»: a serial is MODEL-NNNNNN, e.g. N4K-000123.',
    ],
  ])('refuses %s with a sentence', async (_, content, sentence) => {
    expect((await read(content)).lines).toContain(sentence);
  });

  it('knows boards and SIM cards of other batches', async () => {
    const known: KnownBoards = {
      batchOfSerial: (serial) =>
        serial === 'N4K-000001' ? 'earlier' : serial === 'N4K-000002' ? 'boards' : undefined,
      serialOfIccid: () => 'N4K-000009',
    };
    const { lines } = await read(
      'serial,model,iccid\nN4K-000001,n4k,\nN4K-000002,n4k,\nN4K-000003,n4k,8944500102198304826\n',
      known,
    );
    expect(lines).toEqual([
      'boards.csv, row 2, column serial: N4K-000001 was provisioned in batch earlier already; remove the row.',
      'boards.csv, row 4, column iccid: the SIM card belongs to N4K-000009 already; correct the row.',
    ]);
  });

  it('stops reading out after a hundred problems', async () => {
    const { lines } = await read(`serial,model\n${'x,y\n'.repeat(500)}`);
    expect(lines.length).toBeLessThanOrEqual(103);
    expect(lines.at(-1)).toBe('boards.csv: further problems are not shown.');
  });

  it('a file that is not there, or is a folder, is refused', async () => {
    for (const path of [join(directory, 'none.csv'), directory]) {
      await expect(readBoardsCsv(path, 'boards', nothingKnown, () => undefined)).rejects.toMatchObject({
        kind: 'csv',
      });
    }
  });

  it('never crashes, hangs or accepts what is not a board, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), fc.boolean(), async (bytes, headed) => {
        const header = headed ? Buffer.from('serial,model,iccid\n') : Buffer.alloc(0);
        const { rows, problems } = await read(Buffer.concat([header, bytes]));
        expect(rows.every(({ serial }) => /^[A-Z0-9]{2,8}-\d{6}$/.test(serial))).toBe(true);
        expect(problems.length + rows.length).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
  });
});
