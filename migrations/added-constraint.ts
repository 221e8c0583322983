import type { Knex } from 'knex';

/**
 * A constraint that a migration puts on a table which may hold rows already. Before the migration runs, the rows in its
 * way are looked for, so that the operator reads what to mend instead of a failed statement; `npm run migrate --
 * --preflight` looks without changing anything.
 */
export interface AddedConstraint {
  name: string;
  table: string;
  /** Columns it reads: where one does not exist yet, nothing can be in the way. */
  columns: readonly string[];
  /** A query whose rows have one column `conflict`: each says in words which rows disagree, without secrets. */
  conflictQuery: string;
  /** Adds it. */
  statement: string;
}

/** Rows in the way of one constraint. */
export interface Conflict {
  constraint: AddedConstraint;
  /** The first of them. */
  examples: string[];
  count: number;
}

const exampleCount = 5;

/**
 * No two rows (of those that `where` selects) may agree in all columns.
 * @param rowName SQL expression that names a row to the operator, e.g. its primary key, masked where it is personal
 */
export function uniqueIndex({
  name,
  table,
  columns,
  rowName,
  where,
}: {
  name: string;
  table: string;
  columns: readonly string[];
  rowName: string;
  where?: string;
}): AddedConstraint {
  const list = columns.join(', ');
  const filter = where === undefined ? '' : ` AND (${where})`;
  const present = columns.map((column) => `${column} IS NOT NULL`).join(' AND ');
  return {
    name,
    table,
    columns,
    conflictQuery: `SELECT 'rows ' || string_agg(${rowName}, ', ' ORDER BY ${rowName}) || ' have the same ${list}' AS conflict
      FROM ${table} WHERE ${present}${filter} GROUP BY ${list} HAVING count(*) > 1 ORDER BY 1`,
    statement: `CREATE UNIQUE INDEX ${name} ON ${table} (${list})${where === undefined ? '' : ` WHERE ${where}`}`,
  };
}

/** What stands in the way of the constraints now. Tables and columns that do not exist yet are passed over. */
export async function findConflicts(db: Knex, constraints: readonly AddedConstraint[]): Promise<Conflict[]> {
  const conflicts: Conflict[] = [];
  for (const constraint of constraints) {
    if (!(await exists(db, constraint))) continue;
    const { rows } = await db.raw<{ rows: { conflict: string }[] }>(constraint.conflictQuery);
    const examples = rows.slice(0, exampleCount).map(({ conflict }) => conflict);
    if (rows.length > 0) conflicts.push({ constraint, examples, count: rows.length });
  }
  return conflicts;
}

/** Adds them in the transaction of a migration, when nothing is in the way. @throws PreflightError */
export async function addConstraints(trx: Knex, constraints: readonly AddedConstraint[]): Promise<void> {
  for (const { table } of constraints) await trx.raw(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
  const conflicts = await findConflicts(trx, constraints);
  if (conflicts.length > 0) throw new PreflightError(conflicts);
  for (const { statement } of constraints) await trx.raw(statement);
}

async function exists(db: Knex, { table, columns }: AddedConstraint): Promise<boolean> {
  const { rows } = await db.raw<{ rows: { found: string }[] }>(
    `SELECT count(*) AS found FROM pg_attribute
     WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped AND attname = ANY (?)`,
    [table, [...columns]],
  );
  return Number(rows[0]?.found) === columns.length;
}

/** Nothing of the migration was done. */
export class PreflightError extends Error {
  override readonly name = 'PreflightError';

  constructor(conflicts: readonly Conflict[]) {
    super(describeConflicts(conflicts).join('\n'));
  }
}

/** Lines for the operator. */
export function describeConflicts(conflicts: readonly Conflict[]): string[] {
  return conflicts.flatMap(({ constraint, examples, count }) => [
    `${constraint.name} cannot be added to ${constraint.table}: ${count} ${count === 1 ? 'conflict' : 'conflicts'}. Mend these rows, then migrate again:`,
    ...examples.map((example) => `  ${example}`),
    ...(count > examples.length ? [`  … and ${count - examples.length} more`] : []),
  ]);
}
