import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cutMarksOf } from './cut-marks.ts';
import { findFormat, readFormatBook } from './format-book.ts';
import { labelFormatSchema, labelsPerSheet, placeOf, presets, rollOf } from './label-format.ts';

describe('label formats', () => {
  it('of the trade lie on their sheets, centred, no label over another', () => {
    for (const [name, format] of Object.entries(presets)) {
      const last = placeOf(format, labelsPerSheet(format) - 1);
      const right = format.sheet.width - (last.x + format.label.width);
      const bottom = format.sheet.height - (last.y + format.label.height);
      // The makers' grids are centred up to the rounding of their measures.
      expect([name, Math.abs(right - format.margin.left) < 0.6]).toEqual([name, true]);
      expect([name, Math.abs(bottom - format.margin.top) < 0.6]).toEqual([name, true]);
    }
  });

  it('count from left to right, from the top', () => {
    const format = presets['a4-24'];
    if (!format) throw new Error('a preset is missing');
    expect([0, 1, 2, 3, 23].map((index) => placeOf(format, index))).toEqual([
      { x: 7.25, y: 12.9 },
      { x: 73.25, y: 12.9 },
      { x: 139.25, y: 12.9 },
      { x: 7.25, y: expect.closeTo(46.8, 5) },
      { x: 139.25, y: expect.closeTo(250.2, 5) },
    ]);
  });

  it('that need more than the sheet are refused, with the measures', () => {
    const parsed = labelFormatSchema.safeParse({
      title: 'too wide',
      sheet: { width: 100, height: 100 },
      label: { width: 40, height: 20 },
      columns: 3,
    });
    expect(parsed.error?.issues[0]?.message).toBe(
      "margin, labels and gaps take 120 mm, but the sheet's width is 100 mm",
    );
  });

  it('of rolls are known by their size', () => {
    expect(rollOf('roll-45x22.5')).toMatchObject({
      sheet: { width: 45, height: 22.5 },
      label: { width: 45, height: 22.5 },
      columns: 1,
      rows: 1,
    });
    for (const name of ['roll-', 'roll-0x20', 'roll-axb', 'sheet-40x20', 'roll-4000x20'])
      expect(rollOf(name)).toBeUndefined();
  });

  it('mark corners in the gaps, never on the label, where there is room', () => {
    const format = presets['a4-cut'];
    if (!format) throw new Error('a preset is missing');
    const place = placeOf(format, 5);
    const [left, top] = [place.x, place.y];
    const [right, bottom] = [left + format.label.width, top + format.label.height];
    const marks = cutMarksOf(place, format);
    expect(marks).toHaveLength(8);
    for (const { from, to } of marks) {
      for (const { x, y } of [from, to]) {
        const inside = x > left && x < right && y > top && y < bottom;
        expect(inside).toBe(false);
        expect(x).toBeGreaterThanOrEqual(left - format.gap.x / 2);
        expect(y).toBeLessThanOrEqual(bottom + format.gap.y / 2);
      }
      expect(from.x === to.x || from.y === to.y).toBe(true);
    }
  });
});

describe('the book of formats', () => {
  let workspace: string;

  beforeEach(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'aovis-formats-'));
  });

  afterEach(async () => {
    await rm(workspace, { recursive: true, force: true });
  });

  const write = (content: unknown) =>
    writeFile(
      join(workspace, 'label-formats.json'),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
  const own = {
    title: 'A4, 14 labels',
    sheet: { width: 210, height: 297 },
    label: { width: 99.1, height: 38.1 },
    columns: 2,
    rows: 7,
    margin: { left: 4.65, top: 15.15 },
    gap: { x: 2.5, y: 0 },
  };

  it('has presets, rolls, and the station’s own', async () => {
    expect((await readFormatBook(workspace)).size).toBe(Object.keys(presets).length);
    await write({ 'our-sheet': own });
    expect(labelsPerSheet(await findFormat(workspace, 'our-sheet'))).toBe(14);
    expect((await findFormat(workspace, 'roll-30x30')).label.width).toBe(30);
    await expect(findFormat(workspace, 'a5-1')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/no label format a5-1; take one of a4-65, .*our-sheet/),
    });
  });

  it('says what is wrong with it', async () => {
    for (const [content, problem] of [
      ['{', 'is not JSON'],
      [{ 'our-sheet': { ...own, columns: 3 } }, 'is not right'],
      [{ 'our-sheet': { ...own, colums: 2 } }, 'is not right'],
      [{ 'OUR SHEET': own }, 'is not right'],
      [{ 'a4-24': own }, 'there already'],
    ] as const) {
      await write(content);
      await expect(readFormatBook(workspace)).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringContaining(problem),
      });
    }
  });
});
