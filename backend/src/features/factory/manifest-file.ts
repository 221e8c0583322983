import { readFile } from 'node:fs/promises';
import type { ManifestResult } from '@aovis/contracts/http/factory';
import { AppError } from '../../kernel/errors.ts';
import type { ManifestService } from './manifest-service.ts';

/** Sentences for the operator who carried the file. */
export class ManifestFileRefused extends Error {
  override name = 'ManifestFileRefused';
}

/**
 * Takes a manifest that came as a file instead of over the network; verified alike.
 * @throws ManifestFileRefused
 */
export async function importManifestFile(
  path: string,
  { manifests, dryRun }: { manifests: Pick<ManifestService, 'import'>; dryRun: boolean },
): Promise<ManifestResult> {
  const jws = await readText(path);
  try {
    return await manifests.import({ jws, dryRun });
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    const details = cause.details === undefined ? '' : `\n${JSON.stringify(cause.details, null, 2)}`;
    throw new ManifestFileRefused(`${path}: ${cause.message}${details}`, { cause });
  }
}

async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new ManifestFileRefused(`${path} cannot be read; check the path and its permissions`, { cause });
  }
}
