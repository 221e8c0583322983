import { AppError } from './errors.ts';

/** Where a page of a list ended: lists are in order of time, then of a key that is unique. */
export interface Position {
  at: Date;
  key: string;
}

export interface PageRequest {
  limit: number;
  cursor?: string | undefined;
}

/** The page of `found`, which holds one more than asked for when there are more, and the cursor of the next. */
export function pageOf<T>(
  found: readonly T[],
  limit: number,
  positionOf: (item: T) => Position,
): { page: T[]; nextCursor: string | null } {
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  return { page, nextCursor: last === undefined ? null : cursorOf(positionOf(last)) };
}

function cursorOf({ at, key }: Position): string {
  return Buffer.from(`${at.toISOString()} ${key}`).toString('base64url');
}

/** @throws AppError invalid_request when it is none of ours: its time must be one, its key must have this form */
export function readCursor(cursor: string | undefined, keyForm: RegExp): Position | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, time, key] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (.{1,128})$/.exec(text) ?? [];
  const at = new Date(time ?? Number.NaN);
  if (key !== undefined && keyForm.test(key) && !Number.isNaN(at.getTime())) return { at, key };
  throw new AppError('invalid_request', {
    details: [{ path: 'query.cursor', message: 'send the next_cursor of the page before' }],
  });
}

export const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const integerForm = /^\d{1,18}$/;
