import * as z from 'zod';

/** The query of a list that comes in pages; extend it where a list can be narrowed. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(256).optional().describe('`next_cursor` of the page before.'),
};

/** Of the next page; null on the last one. */
export const nextCursorSchema = z.string().nullable();
