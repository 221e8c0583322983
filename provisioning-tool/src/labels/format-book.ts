import { join } from 'node:path';
import { z } from 'zod';
import { findTextFile } from '../files/durable-files.ts';
import { Refusal } from '../refusal.ts';
import { type LabelFormat, labelFormatSchema, presets, rollOf } from './label-format.ts';

export const defaultFormat = 'a4-24';

const bookSchema = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9.-]{0,39}$/, 'a name has small letters, digits, dots and hyphens'),
  labelFormatSchema,
);

/** Formats by name: those of the trade, and the station's own from `label-formats.json` in the workspace. */
export async function readFormatBook(workspace: string): Promise<Map<string, LabelFormat>> {
  const path = join(workspace, 'label-formats.json');
  const text = await findTextFile(path);
  const own = text === undefined ? {} : parseBook(path, text);
  return new Map([...Object.entries(presets), ...Object.entries(own)]);
}

function parseBook(path: string, text: string): Record<string, LabelFormat> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Refusal('usage', `${path} is not JSON; correct it (labels formats --help shows an example).`, {
      cause: error,
    });
  }
  const book = bookSchema.safeParse(json);
  if (!book.success)
    throw new Refusal('usage', `${path} is not right; correct it (labels formats --help shows an example).`, {
      details: book.error.issues.map(({ path: where, message }) => `${where.join('.')}: ${message}`),
    });
  const taken = Object.keys(book.data).find((name) => name in presets || rollOf(name));
  if (taken)
    throw new Refusal(
      'usage',
      `${path}: ${taken} is the name of a format that is there already; take another.`,
    );
  return book.data;
}

export async function findFormat(workspace: string, name: string): Promise<LabelFormat> {
  const book = await readFormatBook(workspace);
  const format = book.get(name) ?? rollOf(name);
  if (format) return format;
  throw new Refusal(
    'usage',
    `There is no label format ${name}; take one of ${[...book.keys()].join(', ')}, a roll by its size in millimetres ` +
      '(roll-45x22), or describe your sheet in label-formats.json.',
  );
}
