import { AppError } from '../kernel/errors.ts';

/** The fields of a `pg` error that we look at (PostgreSQL, "Error and Notice Message Fields"). */
interface PgError {
  code?: unknown;
  constraint?: unknown;
}

function fieldsOf(error: unknown): PgError {
  return typeof error === 'object' && error !== null ? error : {};
}

/** 23505, of this constraint or unique index when one is named. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const fields = fieldsOf(error);
  return fields.code === '23505' && (constraint === undefined || fields.constraint === constraint);
}

/** 23514, of this constraint. */
export function isCheckViolation(error: unknown, constraint: string): boolean {
  const fields = fieldsOf(error);
  return fields.code === '23514' && fields.constraint === constraint;
}

/** 40001 serialization_failure, 40P01 deadlock_detected: the same work again may succeed. */
export function isPassingConflict(error: unknown): boolean {
  const { code } = fieldsOf(error);
  return code === '40001' || code === '40P01';
}

/** What `pg` says, without a code, of a connection that broke under it; knex puts the statement before it. */
const lostConnection = /(^|- )(Connection terminated|Client .* is not queryable$)/;
/** What its pool says when none became free, or could be made, in time. */
const noneInTime = /^timeout exceeded when trying to connect$/;

/** The server is starting, stopping, full or out of reach (classes 08, 53, 57P and Node's socket errors). */
function isUnavailable(error: unknown): boolean {
  const { code } = fieldsOf(error);
  const network = ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EHOSTUNREACH'];
  if (typeof code === 'string') return network.includes(code) || /^(08|53|57P0)/.test(code);
  if (!(error instanceof Error)) return false;
  return noneInTime.test(error.message) || lostConnection.test(error.message);
}

/** An unreachable database is `service_unavailable`; every other error stays as it is. */
export function translatePgError(error: unknown): unknown {
  if (error instanceof AppError || !isUnavailable(error)) return error;
  return new AppError('service_unavailable', { cause: error, retryAfterMs: 2_000 });
}
