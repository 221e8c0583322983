import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { AppError } from '../../kernel/errors.ts';
import type { ManifestService } from './manifest-service.ts';
import { StationRefused, type StationService } from './station-service.ts';

export interface CommandOutput {
  /** Data, to stdout. */
  data(line: string): void;
  /** Messages, to stderr. */
  message(line: string): void;
}

export const stationUsage = `station add <id> --key <public-key.pem>   register a factory station
station list                              the stations and since when each is disabled
station disable <id>                      refuse its manifests from now on`;

/** `station …`. Returns the exit code: 0 done, 1 refused, 2 wrong usage. */
export async function runStationCommand(
  args: readonly string[],
  { stations, output }: { stations: StationService; output: CommandOutput },
): Promise<number> {
  const { positionals, values } = parse(args);
  const [action, stationId] = positionals;
  try {
    if (action === 'list' && positionals.length === 1) {
      for (const { stationId: id, createdAt, disabledAt } of await stations.list())
        output.data([id, createdAt.toISOString(), disabledAt?.toISOString() ?? 'active'].join('\t'));
      return 0;
    }
    if (action === 'add' && stationId !== undefined && values.key !== undefined) {
      output.message(`${stationId}: ${await stations.add(stationId, await readText(values.key))}`);
      return 0;
    }
    if (action === 'disable' && stationId !== undefined) {
      output.message(`${stationId}: ${await stations.disable(stationId)}`);
      return 0;
    }
  } catch (error) {
    if (!(error instanceof StationRefused)) throw error;
    output.message(error.message);
    return 1;
  }
  output.message(stationUsage);
  return 2;
}

export const manifestUsage = `manifest import <file> [--dry-run]          take a manifest that was carried as a file`;

/** `manifest …`. The answer for each board goes to stdout. Returns the exit code: 0 done, 1 refused, 2 wrong usage. */
export async function runManifestCommand(
  args: readonly string[],
  { manifests, output }: { manifests: ManifestService; output: CommandOutput },
): Promise<number> {
  const { positionals, values } = parse(args);
  const [action, file] = positionals;
  if (action !== 'import' || file === undefined || positionals.length !== 2) {
    output.message(manifestUsage);
    return 2;
  }
  try {
    const jws = (await readText(file)).trim();
    const result = await manifests.import({ jws, dryRun: values['dry-run'] === true });
    output.data(JSON.stringify(result));
    return result.conflicts === 0 ? 0 : 1;
  } catch (error) {
    if (error instanceof StationRefused) output.message(error.message);
    else if (error instanceof AppError)
      output.message(`${error.message} ${JSON.stringify(error.details ?? {})}`);
    else throw error;
    return 1;
  }
}

interface Arguments {
  positionals: string[];
  values: { key?: string | undefined; 'dry-run'?: boolean | undefined };
}

/** What cannot be read is no command: the caller shows the usage. */
function parse(args: readonly string[]): Arguments {
  const options = { key: { type: 'string' }, 'dry-run': { type: 'boolean' } } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch {
    return { positionals: [], values: {} };
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new StationRefused(`${path} cannot be read; check the path and its permissions`, { cause });
  }
}
