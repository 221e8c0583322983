import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deviceIdOf } from '@aovis/contracts/ids';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from '../testing/factory-fixture.ts';
import { type LabelFormat, labelsPerSheet, placeOf, presets } from './label-format.ts';

const run = promisify(execFile);
/** Of a cheap label printer. */
const dotsPerInch = 203;
const dotsPerMillimetre = dotsPerInch / 25.4;
const boards = 7;
const skip = 2;

/** A grey picture, as the format PGM has it. */
interface Picture {
  width: number;
  height: number;
  pixels: Buffer;
}

function readPgm(file: Buffer): Picture {
  const match = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(file.subarray(0, 64).toString('latin1'));
  if (!match) throw new Error('pdftoppm did not write a PGM');
  return { width: Number(match[1]), height: Number(match[2]), pixels: file.subarray(match[0].length) };
}

function pgmOf({ width, height, pixels }: Picture): Buffer {
  return Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), pixels]);
}

/** What lies on one label: the rest of the sheet is no help to who scans it. */
function cut(picture: Picture, format: LabelFormat, index: number): Picture {
  const place = placeOf(format, index);
  const dots = (millimetres: number) => Math.round(millimetres * dotsPerMillimetre);
  const [left, top] = [dots(place.x), dots(place.y)];
  const width = Math.min(dots(format.label.width), picture.width - left);
  const height = Math.min(dots(format.label.height), picture.height - top);
  const rows = Array.from({ length: height }, (_, y) =>
    picture.pixels.subarray((top + y) * picture.width + left, (top + y) * picture.width + left + width),
  );
  return { width, height, pixels: Buffer.concat(rows) };
}

/** What the QR reader of zbar finds in each picture. */
async function scanQrCodes(paths: readonly string[]): Promise<string[][]> {
  const { stdout } = await run('zbarimg', [
    '--quiet',
    '--nodbus',
    '--xml',
    '-Sdisable',
    '-Sqrcode.enable',
    ...paths,
  ]);
  const found = new Map(paths.map((path) => [path, [] as string[]]));
  for (const [, path = '', content = ''] of stdout.matchAll(/<source href='([^']*)'>(.*?)<\/source>/gs))
    for (const [, data = ''] of content.matchAll(/<data[^>]*><!\[CDATA\[(.*?)\]\]><\/data>/gs))
      found.get(path)?.push(data);
  return paths.map((path) => found.get(path) ?? []);
}

describe('printed label sheets', () => {
  let factory: FactoryFixture;
  let rows: { serial: string; code: string }[];

  beforeAll(async () => {
    factory = new FactoryFixture();
    await factory.start();
    factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
    await factory.prepare();
    await factory.runBatch(await factory.writeBoards('boards.csv', boards));
    const labels = await readFile(join(factory.workspace, 'batches', 'boards', 'labels.csv'), 'utf8');
    rows = labels
      .trim()
      .split('\n')
      .slice(1)
      .map((row) => ({ serial: row.split(',')[0] ?? '', code: row.split(',')[3] ?? '' }));
  });

  afterAll(async () => {
    await factory.stop();
  });

  async function print(name: string, ...more: string[]): Promise<string> {
    const path = join(factory.directory, `${name}.pdf`);
    const words = ['--reason', 'another printer', '--out', path, '--label-format', name, ...more];
    await factory.succeed('labels', 'print', 'boards', ...words);
    return path;
  }

  /** Each label of the sheets as a picture of its own, at the resolution of a cheap printer. */
  async function raster(pdf: string, name: string, format: LabelFormat, first: number): Promise<string[]> {
    const directory = join(factory.directory, `${name}-pages`);
    await mkdir(directory);
    await run('pdftoppm', ['-r', String(dotsPerInch), '-gray', pdf, join(directory, 'page')]);
    const pages = Math.ceil((first + boards) / labelsPerSheet(format));
    const pictures: Picture[] = [];
    for (let page = 1; page <= pages; page++)
      pictures.push(readPgm(await readFile(join(directory, `page-${page}.pgm`))));
    return await Promise.all(
      Array.from({ length: boards }, async (_, board) => {
        const index = first + board;
        const picture = pictures[Math.floor(index / labelsPerSheet(format))];
        if (!picture) throw new Error('a sheet is missing');
        const path = join(directory, `label-${board}.pgm`);
        await writeFile(path, pgmOf(cut(picture, format, index % labelsPerSheet(format))));
        return path;
      }),
    );
  }

  it.each(Object.entries(presets))(
    '%s: each label is read back by an independent QR reader',
    async (name, format) => {
      const first = labelsPerSheet(format) > skip ? skip : 0;
      const pdf = await print(name, '--skip', String(first), '--cut-marks');
      const scans = await scanQrCodes(await raster(pdf, name, format, first));
      expect(scans).toEqual(
        rows.map(({ code }) => [`https://app.example.com/a#${code.replaceAll('-', '')}`]),
      );
      // …and as text, in the order of labels.csv, with its serial before it.
      const { stdout } = await run('pdftotext', ['-raw', pdf, '-']);
      const words = stdout.replace(/-\n/g, '-').split(/\s+/);
      const positions = rows.flatMap(({ serial, code }) =>
        [deviceIdOf(serial), serial, code].map((word) => words.indexOf(word)),
      );
      expect(positions.every((position, i) => position >= 0 && position > (positions[i - 1] ?? -1))).toBe(
        true,
      );
      const back = await factory.cliWithInput(
        `${scans.flat().join('\n')}\n`,
        'labels',
        'check',
        '--batch',
        'boards',
        '--all',
      );
      expect(back).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`All ${boards} labels`) });
    },
  );

  it('say on which sheet of which size they are', async () => {
    const pdf = await print('roll-45x22');
    const { stdout } = await run('pdfinfo', [pdf]);
    expect(stdout).toMatch(/Title: +Batch boards/);
    expect(stdout).toMatch(new RegExp(`Pages: +${boards}`));
    const [, width, height] = /Page size: +([\d.]+) x ([\d.]+) pts/.exec(stdout) ?? [];
    expect(Number(width)).toBeCloseTo((45 / 25.4) * 72, 1);
    expect(Number(height)).toBeCloseTo((22 / 25.4) * 72, 1);
  });
});
