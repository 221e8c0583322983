import { z } from 'zod';

const millimetres = z.number().positive().max(1000);
const distance = z.number().min(0).max(1000);
const grid = z.int().min(1).max(200);

/**
 * Where labels lie on a sheet, in millimetres. A roll is a sheet with one label. Measures as print shops give
 * them: the margin is from the sheet's edge to the first label, the gap is between labels.
 */
export const labelFormatSchema = z
  .strictObject({
    title: z.string().min(1).max(100),
    sheet: z.strictObject({ width: millimetres, height: millimetres }),
    label: z.strictObject({ width: millimetres, height: millimetres }),
    columns: grid.default(1),
    rows: grid.default(1),
    margin: z.strictObject({ left: distance, top: distance }).default({ left: 0, top: 0 }),
    gap: z.strictObject({ x: distance, y: distance }).default({ x: 0, y: 0 }),
    /** Hairlines at the corners: for paper that is cut by hand, not for labels that are cut already. */
    cut_marks: z.boolean().default(false),
  })
  .superRefine((format, context) => {
    for (const [axis, used, has] of [
      ['width', extentOf(format, 'x'), format.sheet.width],
      ['height', extentOf(format, 'y'), format.sheet.height],
    ] as const)
      if (used > has + tolerance)
        context.addIssue({
          code: 'custom',
          message: `margin, labels and gaps take ${round(used)} mm, but the sheet's ${axis} is ${has} mm`,
        });
  });
export type LabelFormat = z.output<typeof labelFormatSchema>;

/** Catalogue measures are rounded to a tenth of a millimetre, ten times over in a column. */
const tolerance = 0.5;

function extentOf(
  format: Pick<LabelFormat, 'margin' | 'gap' | 'label' | 'columns' | 'rows'>,
  axis: 'x' | 'y',
): number {
  const [margin, count, size] =
    axis === 'x'
      ? [format.margin.left, format.columns, format.label.width]
      : [format.margin.top, format.rows, format.label.height];
  return margin + count * size + (count - 1) * format.gap[axis];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export interface Place {
  /** Millimetres from the left and the top of the sheet to the label's corner. */
  x: number;
  y: number;
}

export function labelsPerSheet({ columns, rows }: LabelFormat): number {
  return columns * rows;
}

/** Place of label number `index` of a sheet (0 is the first): rows from left to right, from the top. */
export function placeOf({ columns, margin, label, gap }: LabelFormat, index: number): Place {
  const column = index % columns;
  const row = Math.floor(index / columns);
  return {
    x: margin.left + column * (label.width + gap.x),
    y: margin.top + row * (label.height + gap.y),
  };
}

const a4 = { width: 210, height: 297 };
const letter = { width: 215.9, height: 279.4 };

function sheet(format: z.input<typeof labelFormatSchema>): LabelFormat {
  return labelFormatSchema.parse(format);
}

/** A sheet that is one label, in millimetres. */
function roll(width: number, height: number, about = ''): z.input<typeof labelFormatSchema> {
  const size = { width, height };
  return { title: `Roll, ${width} × ${height} mm${about}`, sheet: size, label: size };
}

/**
 * Sheets of the trade. A4: measures of the makers' templates, which centre the grid on the sheet (e.g. L7651, sold as LP65/38 too:
 * (210 − 5 × 38.1 − 4 × 2.5) / 2 = 4.75 and (297 − 13 × 21.2) / 2 = 10.7). 5160: 1″ × 2⅝″, margins ½″ and 3⁄16″, pitch 2¾″.
 */
export const presets: Readonly<Record<string, LabelFormat>> = {
  'a4-65': sheet({
    title: 'A4, 65 labels of 38.1 × 21.2 mm (as Avery L7651)',
    sheet: a4,
    label: { width: 38.1, height: 21.2 },
    columns: 5,
    rows: 13,
    margin: { left: 4.75, top: 10.7 },
    gap: { x: 2.5, y: 0 },
  }),
  'a4-24': sheet({
    title: 'A4, 24 labels of 63.5 × 33.9 mm (as Avery L7159)',
    sheet: a4,
    label: { width: 63.5, height: 33.9 },
    columns: 3,
    rows: 8,
    margin: { left: 7.25, top: 12.9 },
    gap: { x: 2.5, y: 0 },
  }),
  'a4-21': sheet({
    title: 'A4, 21 labels of 63.5 × 38.1 mm (as Avery L7160)',
    sheet: a4,
    label: { width: 63.5, height: 38.1 },
    columns: 3,
    rows: 7,
    margin: { left: 7.25, top: 15.15 },
    gap: { x: 2.5, y: 0 },
  }),
  'letter-30': sheet({
    title: 'US Letter, 30 labels of 66.7 × 25.4 mm (as Avery 5160)',
    sheet: letter,
    label: { width: 66.675, height: 25.4 },
    columns: 3,
    rows: 10,
    margin: { left: 4.7625, top: 12.7 },
    gap: { x: 3.175, y: 0 },
  }),
  'a4-cut': sheet({
    title: 'A4 plain paper or foil, 40 labels of 45 × 25 mm, to be cut along marks',
    sheet: a4,
    label: { width: 45, height: 25 },
    columns: 4,
    rows: 10,
    margin: { left: 9, top: 10 },
    gap: { x: 4, y: 3 },
    cut_marks: true,
  }),
  'roll-57x32': sheet(roll(57, 32, ' (as Dymo 11354)')),
  'roll-50x25': sheet(roll(50, 25)),
  'roll-40x20': sheet(roll(40, 20)),
  'roll-25x40': sheet(roll(25, 40, ', upright')),
};

/** `roll-45x22.5`: one label a page, of any size. */
export function rollOf(name: string): LabelFormat | undefined {
  const match = /^roll-(\d{1,3}(?:\.\d{1,2})?)x(\d{1,3}(?:\.\d{1,2})?)$/.exec(name);
  if (!match) return undefined;
  const parsed = labelFormatSchema.safeParse(roll(Number(match[1]), Number(match[2])));
  return parsed.success ? parsed.data : undefined;
}
