import { basename, join } from 'node:path';
import { manifestSchema } from '@aovis/contracts/provisioning';
import { ensurePrivateDirectory } from '../files/durable-files.ts';
import { Refusal } from '../refusal.ts';

/** Where a batch lies: `<workspace>/batches/<batch>`. All of it is 0700/0600. */
export class BatchFolder {
  readonly path: string;

  constructor(workspace: string, batchId: string) {
    this.path = join(workspace, 'batches', batchId);
  }

  /** Validated copy of the operator's file: later changes to that one cannot change the batch. */
  get boards(): string {
    return join(this.path, 'boards.csv');
  }

  /** The only place with activation codes in clear. */
  get labels(): string {
    return join(this.path, 'labels.csv');
  }

  /** Bundles whose boards AWS does not know completely yet. */
  staged(deviceId: string): string {
    return join(this.path, 'staging', deviceId);
  }

  /** Finished bundles, ready to be flashed. */
  bundle(deviceId: string): string {
    return join(this.path, 'bundles', deviceId);
  }

  /** The bundle that a new one took the place of, until its certificate is revoked. */
  replaced(deviceId: string): string {
    return join(this.path, 'replaced', deviceId);
  }

  /** Signed manifests, as pushed; for import by hand where the line is offline. */
  manifest(manifestId: string): string {
    return join(this.path, 'manifests', `${manifestId}.jws`);
  }

  async create(): Promise<void> {
    for (const name of ['staging', 'bundles', 'manifests', 'replaced'])
      await ensurePrivateDirectory(join(this.path, name));
  }
}

/** `--batch`, else the file's name without `.csv`. */
export function batchIdOf(csvPath: string, given: string | undefined): string {
  const id = given ?? basename(csvPath).replace(/\.csv$/i, '');
  if (!manifestSchema.shape.batch_id.safeParse(id).success) {
    throw new Refusal(
      'usage',
      `«${id}» is no batch name: up to 64 letters, digits, dots, hyphens and underscores; give one with --batch.`,
    );
  }
  return id;
}
