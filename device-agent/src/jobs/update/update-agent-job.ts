import type { KeyObject } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobDocument } from '@aovis/contracts/jobs';
import { writeFileAtomically } from '../../host/atomic-file.ts';
import type { Logger } from '../../host/logger.ts';
import {
  checkSlot,
  compareVersions,
  isSigned,
  programFile,
  readVendorKey,
  releaseFile,
} from '../../software/release.ts';
import type { RunningSoftware } from '../../software/running-software.ts';
import type { Slot, SoftwareStore } from '../../software/software-store.ts';
import type { TrialWatch } from '../../software/trial-watch.ts';
import {
  failed,
  type JobContext,
  JobEnded,
  type JobHandler,
  type JobOutcome,
  jobHandler,
  rejected,
  succeeded,
} from '../job-handler.ts';
import { TransferError } from '../transfer.ts';
import { download } from './download.ts';

export interface UpdateAgentOptions {
  store: SoftwareStore;
  watch: TrialWatch;
  software: RunningSoftware | undefined;
  /** Of the agent that runs. */
  version: string;
  vendorKeyPath: string;
  wellParts: () => string[];
  restart: () => void;
  logger: Logger;
}

/** Download and three starts of ten minutes. */
const stepTimeoutMinutes = 60;

/** Puts a release of the vendor in the place of this agent, for as long as it works (`software/`). */
export function updateAgentJob(options: UpdateAgentOptions): JobHandler {
  const update = new AgentUpdate(options);
  return jobHandler('update-agent', (document, context) => update.run(document, context), {
    settled: (jobId) => update.forget(jobId),
  });
}

class AgentUpdate {
  readonly #options: UpdateAgentOptions;

  constructor(options: UpdateAgentOptions) {
    this.#options = options;
  }

  async run(document: JobDocument<'update-agent'>, context: JobContext): Promise<JobOutcome> {
    const { store, software, version, restart } = this.#options;
    const { trial, rolled_back: rolledBack } = await store.read();
    if (rolledBack?.job_id === context.jobId) return failed('rolled_back', rolledBack.reason);
    if (trial?.job_id === context.jobId) {
      // Begun, but not by this process: it goes on as soon as the agent is started anew.
      if (software?.slot !== trial.slot) restart();
      await this.#untilDecided(context.signal);
      return succeeded({ version: trial.version });
    }
    // Of a job that was ended by somebody else: the release decides over itself all the same.
    if (trial !== undefined && software?.slot === trial.slot) await this.#untilDecided(context.signal);
    const order = compareVersions(document.version, version);
    if (order === 0) return succeeded({ version });
    if (!(order > 0))
      return rejected(
        'not_newer',
        `The board runs ${version}: sign the release under a newer version to go back.`,
      );
    return this.#install(document, context);
  }

  /** The service has the end of the job. */
  async forget(jobId: string): Promise<void> {
    const { rolled_back: rolledBack, ...rest } = await this.#options.store.read();
    if (rolledBack?.job_id === jobId) await this.#options.store.write(rest);
  }

  async #install(document: JobDocument<'update-agent'>, context: JobContext): Promise<JobOutcome> {
    const { store, vendorKeyPath, logger, wellParts, restart } = this.#options;
    let vendorKey: KeyObject;
    try {
      vendorKey = await readVendorKey(vendorKeyPath);
    } catch (error) {
      return failed(
        'no_vendor_key',
        `The update key of this board cannot be used (${(error as Error).message}).`,
      );
    }
    // Before a byte is fetched.
    if (!isSigned(document, vendorKey))
      return rejected('signature_wrong', 'The release is not signed by the key of this board.');
    await context.progress({ step: 'downloading', version: document.version }, { stepTimeoutMinutes });
    const slot = await store.clearSpareSlot();
    const fault = await this.#fetch(document, slot, vendorKey, context.signal);
    if (fault !== undefined) return fault;
    await context.progress({ step: 'starting', version: document.version }, { stepTimeoutMinutes });
    const { active } = await store.read();
    await store.write({
      schema_version: 1,
      ...(active === undefined ? {} : { active }),
      trial: { slot, version: document.version, job_id: context.jobId, starts: 0, well: wellParts() },
    });
    logger.warn({ version: document.version }, 'The agent ends, so that a new release is started.');
    restart();
    await untilAborted(context.signal);
    throw new JobEnded(undefined);
  }

  async #fetch(
    document: JobDocument<'update-agent'>,
    slot: Slot,
    vendorKey: KeyObject,
    signal: AbortSignal,
  ): Promise<JobOutcome | undefined> {
    const directory = this.#options.store.slotDirectory(slot);
    const { version, size, sha256, signature, url } = document;
    const part = join(directory, `${programFile}.part`);
    try {
      await download({ url, size, sha256 }, part, signal);
      await writeFileAtomically(
        join(directory, releaseFile),
        JSON.stringify({ version, size, sha256, signature }),
      );
      await rename(part, join(directory, programFile));
    } catch (error) {
      if (signal.aborted) throw new JobEnded(undefined);
      const { code } = error as NodeJS.ErrnoException;
      if (error instanceof TransferError)
        return failed('download_failed', `${new URL(url).host} ${error.message}: make a new job.`);
      return failed(
        'not_stored',
        `The state directory cannot take the release (${code ?? 'unknown'}): free space there.`,
      );
    }
    const release = await checkSlot(directory, vendorKey);
    return typeof release === 'string' ? failed('not_stored', `The release ${release}.`) : undefined;
  }

  async #untilDecided(signal: AbortSignal): Promise<void> {
    const { watch, store } = this.#options;
    const confirmed = new Promise<void>((resolve) => watch.onConfirmed(resolve));
    // It may have been decided while the job was looked for.
    if ((await store.read()).trial === undefined) return;
    await Promise.race([confirmed, untilAborted(signal)]);
    if (signal.aborted) throw new JobEnded(undefined);
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
