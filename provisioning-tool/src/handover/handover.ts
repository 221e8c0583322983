import type { Manifest } from '@aovis/contracts/provisioning';
import type { BatchFolder } from '../batch/batch-folder.ts';
import type { Clock } from '../clock.ts';
import { CloudFailure } from '../cloud/iot-registry.ts';
import { findTextFile, writeFileDurably } from '../files/durable-files.ts';
import type { Journal } from '../journal/journal.ts';
import type { BatchState, ManifestState } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import type { BackendClient } from './backend-client.ts';
import { boardsPerManifest, manifestDeviceOf, manifestIdOf, signManifest } from './manifest.ts';
import type { Station } from './station-key.ts';

export interface HandoverParts {
  journal: Journal;
  folder: BatchFolder;
  batch: BatchState;
  station: Station;
  clock: Clock;
  /** Without one, manifests are written as files and wait. */
  backend: BackendClient | undefined;
}

/**
 * Gathers finished boards into manifests. A manifest is written down and journalled before it is pushed, and
 * pushed again, byte for byte the same, until the backend has answered. A backend that is away does not hold up
 * the boards: their manifests wait for the next run.
 */
export class Handover {
  readonly #parts: HandoverParts;
  #serials: string[] = [];
  #resumed = false;
  #work: Promise<void> = Promise.resolve();
  #failure: CloudFailure | Refusal | undefined;

  constructor(parts: HandoverParts) {
    this.#parts = parts;
  }

  /** Why manifests are waiting, if something was wrong. */
  get failure(): CloudFailure | Refusal | undefined {
    return this.#failure;
  }

  /** Manifests of an earlier run that the backend has not answered yet; once. */
  resume(): void {
    if (this.#resumed) return;
    this.#resumed = true;
    for (const manifest of this.#parts.journal.state.manifests.values()) {
      if (manifest.batch.id === this.#parts.batch.id && !manifest.accepted)
        this.#enqueue(() => this.#deliver(manifest));
    }
  }

  add(serial: string): void {
    this.#serials.push(serial);
    if (this.#serials.length >= boardsPerManifest) this.#cut();
  }

  /** Hands over what is left; resolves when everything was tried. Rejects when the disk failed. */
  async finish(): Promise<void> {
    if (this.#serials.length > 0) this.#cut();
    await this.#work;
  }

  /** Waits for what was begun, and begins nothing. */
  async settle(): Promise<void> {
    await this.#work;
  }

  #cut(): void {
    const serials = this.#serials;
    this.#serials = [];
    this.#enqueue(async () => this.#deliver(await this.#plan(serials)));
  }

  #enqueue(job: () => Promise<void>): void {
    this.#work = this.#work.then(job);
    // The failure is met in finish(); until then nobody listens.
    this.#work.catch(() => undefined);
  }

  async #plan(serials: string[]): Promise<ManifestState> {
    const { journal, batch, clock } = this.#parts;
    const boards = await Promise.all(serials.map((serial) => journal.issued(serial)));
    const id = manifestIdOf(batch.id, Date.parse(batch.startedAt), boards);
    await journal.append({
      type: 'manifest_planned',
      batch_id: batch.id,
      manifest_id: id,
      created_at: new Date(clock.now()).toISOString(),
      serials,
    });
    return journal.state.manifests.get(id) as ManifestState;
  }

  async #deliver(manifest: ManifestState): Promise<void> {
    const { journal, folder, station, backend } = this.#parts;
    const boards = await Promise.all(manifest.serials.map((serial) => journal.issued(serial)));
    const jws = await writeManifest(folder, station, {
      schema_version: 1,
      manifest_id: manifest.id,
      station_id: station.stationId,
      batch_id: manifest.batch.id,
      created_at: manifest.createdAt,
      devices: boards.map(manifestDeviceOf),
    });
    // One that is away, or does not know us, is not asked again for each manifest; a conflict concerns one alone.
    if (!backend || (this.#failure && !isConflict(this.#failure))) return;
    try {
      await backend.push(jws, false);
    } catch (error) {
      if (!(error instanceof CloudFailure) && !(error instanceof Refusal)) throw error;
      this.#failure ??= error;
      return;
    }
    await journal.append({ type: 'manifest_accepted', manifest_id: manifest.id, backend: backend.url });
  }
}

/**
 * Signs a manifest and puts it beside its batch. What was written once is what is sent for ever, whatever became of its
 * boards meanwhile.
 */
export async function writeManifest(
  folder: BatchFolder,
  station: Station,
  manifest: Manifest,
): Promise<string> {
  const path = folder.manifest(manifest.manifest_id);
  const written = (await findTextFile(path))?.trim();
  if (written) return written;
  const jws = await signManifest(manifest, station);
  await writeFileDurably(path, `${jws}\n`);
  return jws;
}

function isConflict(failure: CloudFailure | Refusal): boolean {
  return failure.kind === 'conflict';
}
