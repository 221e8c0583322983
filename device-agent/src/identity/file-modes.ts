import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleFiles } from '@aovis/contracts/provisioning';
import { Refusal } from '../refusal.ts';

/** Only the owner may enter the directory or read a file of the bundle: rwx------ and rw-------. */
const directoryMode = 0o700;
const fileMode = 0o600;
const permissionBits = 0o777;

/** True when `mode` grants a right that `allowed` does not. */
function looserThan(mode: number, allowed: number): boolean {
  return (mode & permissionBits & ~allowed) !== 0;
}

const octal = (mode: number): string => (mode & permissionBits).toString(8).padStart(4, '0');

/** Refuses a bundle that is missing, incomplete or open to other users of the machine. */
export async function checkFileModes(directory: string): Promise<void> {
  const bundle = await stat(directory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EACCES') throw unreachable(directory, cause);
    throw new Refusal('bundleMissing', `There is no bundle at ${directory}: ${copyHint}`, { cause });
  });
  if (!bundle.isDirectory())
    throw new Refusal('bundleMissing', `${directory} is not a directory: ${copyHint}`);
  if (looserThan(bundle.mode, directoryMode))
    throw new Refusal(
      'bundleLoose',
      `The bundle ${directory} has mode ${octal(bundle.mode)}: other users of this machine can enter it. ` +
        `Type: chmod 700 '${directory}'`,
    );
  for (const name of Object.values(bundleFiles)) await checkFile(join(directory, name));
}

const copyHint =
  'copy the directory that aovis-provision wrote for this board and name it with --bundle DIR (or AOVIS_AGENT_BUNDLE).';

const unreachable = (path: string, cause: Error): Refusal =>
  new Refusal(
    'bundleMissing',
    `This user may not enter the directory that holds ${path}: start the agent as the user that owns the bundle, or ` +
      'copy the bundle to a directory that this user owns.',
    { cause },
  );

/** Refuses a file of the bundle that is missing or open to other users. */
export async function checkFile(path: string): Promise<void> {
  const file = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EACCES') throw unreachable(path, cause);
    throw new Refusal('bundleMissing', `The bundle lacks ${path}: ${copyHint}`, { cause });
  });
  if (!file.isFile()) throw new Refusal('bundleMissing', `${path} is not a file: ${copyHint}`);
  if (looserThan(file.mode, fileMode))
    throw new Refusal(
      'bundleLoose',
      `${path} has mode ${octal(file.mode)}: other users of this machine can read it. Type: chmod 600 '${path}'`,
    );
}
