import type { Stats } from 'node:fs';
import { lstat, readFile, stat } from 'node:fs/promises';
import { Refusal, type RefusalKind, systemCodeOf } from '../refusal.ts';

/** Rights of group and others. */
const othersMay = 0o077;
const othersMayWrite = 0o022;

export interface PrivateFileRules {
  /** How a sentence names the file: «The station key». */
  what: string;
  /** Exit code of the refusal; `usage` when absent. */
  kind?: RefusalKind;
  /** Only changing it is refused to others, not reading. */
  public?: boolean;
  /** A link is followed, and a pipe (`<(pass show ca)`) taken: for files that operators name themselves. */
  anyKind?: boolean;
}

type Facts = Pick<Stats, 'mode' | 'uid' | 'isFile' | 'isSymbolicLink'>;

/**
 * What is wrong with a file that should be its owner's alone, as the end of a sentence; undefined when nothing is.
 * @param userId of the user who runs the program; undefined where the system has no such ids
 */
export function loosenessOf(
  path: string,
  facts: Facts,
  rules: Pick<PrivateFileRules, 'public' | 'anyKind'>,
  userId: number | undefined,
): string | undefined {
  if (rules.anyKind !== true && facts.isSymbolicLink())
    return 'is a link to another place; put the file itself there';
  if (rules.anyKind !== true && !facts.isFile()) return 'is no file; put the right one there';
  // Whoever owns a file can change it whenever they like; root can anyway.
  if (userId !== undefined && facts.uid !== userId && facts.uid !== 0)
    return `belongs to another user (id ${facts.uid}); find out why, then take it over with: chown ${userId} ${shellWord(path)}`;
  const mode = facts.mode & 0o777;
  if ((mode & (rules.public === true ? othersMayWrite : othersMay)) === 0) return undefined;
  const who = (mode & othersMayWrite) === 0 ? 'read' : 'changed';
  return `can be ${who} by others (mode 0${mode.toString(8)}); close it with: chmod 600 ${shellWord(path)}`;
}

/** As it can be pasted into a shell. */
function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/**
 * Refuses a file that others can read or change, or that is somebody else's, as ssh does.
 * @returns false when there is none
 */
export async function refuseLooseFile(path: string, rules: PrivateFileRules): Promise<boolean> {
  const facts = await (rules.anyKind === true ? stat(path) : lstat(path)).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (facts === undefined) return false;
  const looseness = loosenessOf(path, facts, rules, process.getuid?.());
  if (looseness === undefined) return true;
  throw new Refusal(rules.kind ?? 'usage', `${rules.what} ${path} ${looseness}`);
}

export interface ModeProblem {
  kind: 'missing' | 'link' | 'mode';
  /** As the end of a sentence that names the file. */
  says: string;
}

/** What is wrong with a file or folder that should have just this mode; undefined when nothing is. */
export async function modeProblemOf(path: string, wantedMode: number): Promise<ModeProblem | undefined> {
  const facts = await lstat(path).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (facts === undefined) return { kind: 'missing', says: 'is missing' };
  if (facts.isSymbolicLink()) return { kind: 'link', says: 'is a link to another place' };
  const mode = facts.mode & 0o777;
  if (mode === wantedMode) return undefined;
  return { kind: 'mode', says: `has mode 0${mode.toString(8)}, not 0${wantedMode.toString(8)}` };
}

/** The text of such a file; undefined when there is none. @throws Refusal when it is loose */
export async function findPrivateText(path: string, rules: PrivateFileRules): Promise<string | undefined> {
  return (await refuseLooseFile(path, rules)) ? await readFile(path, 'utf8') : undefined;
}

/** The text of such a file. @throws Refusal when it is loose, or there is none */
export async function readPrivateText(path: string, rules: PrivateFileRules): Promise<string> {
  const text = await findPrivateText(path, rules);
  if (text === undefined)
    throw new Refusal(rules.kind ?? 'usage', `${rules.what} ${path} does not exist; check the path.`);
  return text;
}
