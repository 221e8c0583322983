import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { settings } from '../config.ts';
import { exitCodes } from '../refusal.ts';
import { chooseSoftware } from './choose-software.ts';
import { readVendorKey } from './release.ts';
import { runningSoftware, tellSoftware } from './running-software.ts';
import { SoftwareStore } from './software-store.ts';

export interface LaunchOptions {
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  installedVersion: string;
  /** Of the program that was installed. */
  programDirectory: string;
  clipPath: string;
  stop: AbortSignal;
  warn: (sentence: string) => void;
}

/**
 * Begins a release from the state directory in the place of the program that was installed; true when it has. `aovis-agent run` only: the
 * other commands speak with whatever runs. Whatever fails here, the installed agent runs.
 */
export async function launchRelease(options: LaunchOptions): Promise<boolean> {
  const { args, warn, clipPath, stop, programDirectory, installedVersion } = options;
  if (args[0] !== 'run' || runningSoftware() !== undefined) return false;
  try {
    const { keyPath, directory } = whereToLook(options);
    if (keyPath === undefined) return false;
    const store = new SoftwareStore(directory);
    const vendorKey = await readVendorKey(keyPath);
    const chosen = await chooseSoftware(store, { vendorKey, installedVersion, warn });
    if (chosen === undefined) return false;
    await linkModules(directory, programDirectory);
    const { program, ...software } = chosen;
    tellSoftware({ ...software, clipPath, stop });
    if (chosen.onTrial) process.once('exit', startAgain);
    await import(pathToFileURL(program).href);
    return true;
  } catch (error) {
    if (runningSoftware() !== undefined) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    warn(
      `No release is looked for in the state directory (${code ?? message}); the installed agent goes on.`,
    );
    return false;
  }
}

/**
 * A service manager starts no program again that refuses its settings or its bundle (`RestartPreventExitStatus`). From a release on
 * trial that would be its last word: it ends as what wants to be started again.
 */
function startAgain(code: number): void {
  if (code !== 0) process.exitCode = exitCodes.restart;
}

function whereToLook({ args, env }: LaunchOptions): { keyPath: string | undefined; directory: string } {
  const { values } = parseArgs({
    args: args.slice(1),
    strict: false,
    options: { state: { type: 'string' }, 'update-key': { type: 'string' } },
  });
  const valueOf = (
    flag: unknown,
    { variable, default: fallback }: (typeof settings)['state' | 'updateKey'],
  ) => (typeof flag === 'string' ? flag : (env[variable] ?? fallback));
  return {
    keyPath: settings.updateKey.parse(valueOf(values['update-key'], settings.updateKey)),
    directory: join(settings.state.parse(valueOf(values['state'], settings.state)), 'software'),
  };
}

/** Native packages lie beside the installed program; a release looks for them beside itself. */
async function linkModules(directory: string, installedDirectory: string): Promise<void> {
  const link = join(directory, 'node_modules');
  await rm(link, { force: true });
  await symlink(join(installedDirectory, 'node_modules'), link);
}
