import { types } from 'node:util';

/** How the program ends, by reason. A script can tell «fix the file» from «run it again». */
export const exitCodes = {
  ok: 0,
  /** A defect of ours; not part of the promise. */
  unexpected: 1,
  /** Wrong flags or settings, or something the run needs is missing; nothing was done. */
  usage: 2,
  /** The CSV is not valid; nothing was done. */
  csv: 3,
  /** Some boards are not finished; the same command goes on. */
  partial: 4,
  /** The certificate authority: missing, locked, damaged or not registered. */
  ca: 5,
  /** The cloud does not accept the credentials or the permissions. */
  credentials: 6,
  /** What is there already differs from what should be written, or another run is at work in the same folder. */
  conflict: 7,
  /** The journal or the audit log is damaged or was cut off, or the disk cannot be written. */
  journal: 8,
  interrupted: 130,
} as const;

/** The promise to scripts, for the help and the reference. */
export const exitCodeMeanings: Readonly<Record<number, string>> = {
  0: 'done',
  2: 'usage or settings; nothing was done',
  3: 'the CSV is not valid; nothing was done',
  4: 'partly done; the same command goes on',
  5: 'the CA: missing, locked, damaged or not registered',
  6: 'AWS or the backend does not accept the credentials or the permissions',
  7: 'conflict with what is there already, or with another run at work here',
  8: 'journal, audit log or disk',
  130: 'interrupted',
};

export type RefusalKind = Exclude<keyof typeof exitCodes, 'ok' | 'unexpected'>;

/** Something the operator can mend. The message is a sentence that says what is wrong and what to do. */
export class Refusal extends Error {
  readonly kind: RefusalKind;
  /** Further lines, e.g. one per CSV problem. */
  readonly details: readonly string[];

  constructor(kind: RefusalKind, message: string, options: { details?: string[]; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'Refusal';
    this.kind = kind;
    this.details = options.details ?? [];
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

/** What the system says when a disk is full, read-only, gone, or not ours (errno(3)). */
const diskCodes = new Set(
  'ENOSPC EDQUOT EFBIG EROFS EIO EACCES EPERM EMFILE ENFILE ENOENT ENOTDIR EISDIR EEXIST'.split(' '),
);

/** A failure of the file system is the operator's to mend, wherever it shows; undefined when it is something else. */
export function diskRefusalOf(error: unknown): Refusal | undefined {
  if (!diskCodes.has(systemCodeOf(error) ?? '')) return undefined;
  const message = `The disk refuses (${messageOf(error)}); mend that, then run the same command again.`;
  return new Refusal('journal', message, { cause: error });
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return types.isNativeError(error) ? error.message : String(error);
}

/** `ENOENT` and the like, when the system gave one. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!types.isNativeError(error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
