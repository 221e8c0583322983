import { readFile } from 'node:fs/promises';
import { readIssuedCertificate, rotationRequestDetails, rotationSteps } from '@aovis/contracts/jobs';
import { sleep } from '../../camera/sleep.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/logger.ts';
import { type BoardIdentity, type Identity, readIdentity } from '../../identity/board-identity.ts';
import type { Candidate, IdentityStore } from '../../identity/identity-store.ts';
import {
  failed,
  type JobContext,
  type JobHandler,
  type JobOutcome,
  jobHandler,
  succeeded,
} from '../job-handler.ts';
import { certificateRequest, newPrivateKey } from './certificate-request.ts';
import { readIssued } from './issued-certificate.ts';
import type { Trial } from './trial.ts';

export interface RotateCertificateOptions {
  thing: string;
  store: IdentityStore;
  identity: BoardIdentity;
  trial: Trial;
  clock: Clock;
  logger: Logger;
}

/** The service ends the job when nobody issues a certificate, or the board does not come back. */
const stepTimeoutMinutes = 60;
/** The service has no notice of changed details: they are asked for. */
const firstPollMs = 2_000;
const slowestPollMs = 30_000;

/**
 * Gives the board a new key and certificate (see `@aovis/contracts/jobs` for what goes back and forth). Both identities stay
 * on disk until the service has the end of the job: only then is it decided which of them the operator puts out of use.
 */
export function rotateCertificateJob(options: RotateCertificateOptions): JobHandler {
  const rotation = new CertificateRotation(options);
  return jobHandler('rotate-certificate', (_document, context) => rotation.run(context), {
    settled: (jobId, status, signal) => rotation.settle(jobId, status, signal),
    settleOthers: (jobId, signal) => rotation.settleOthers(jobId, signal),
  });
}

class CertificateRotation {
  readonly #options: RotateCertificateOptions;

  constructor(options: RotateCertificateOptions) {
    this.#options = options;
  }

  async run(context: JobContext): Promise<JobOutcome> {
    const { store, logger } = this.#options;
    const candidate = store.candidate ?? (await this.#begin(context));
    if ('status' in candidate) return candidate;
    const issued = candidate.phase === 'key' ? await this.#obtain(candidate, context) : candidate;
    if ('status' in issued) return issued;
    const fault = await this.#tryOut(issued, context.signal);
    if (fault !== undefined) return fault;
    if (issued.phase !== 'verified') await store.noteVerified(issued);
    const { certificateId } = this.#options.identity.current;
    logger.info({ certificateId }, 'The new certificate works.');
    return succeeded({ certificate_id: certificateId });
  }

  /** The service has the end of the job: by it the operator decides which certificate stays. */
  async settle(jobId: string, status: string | undefined, signal: AbortSignal): Promise<void> {
    const { store, trial } = this.#options;
    const { candidate } = store;
    if (candidate?.job_id !== jobId) return;
    if (status !== 'SUCCEEDED') return this.#rollBack(candidate, signal);
    await trial.move(await this.#identityOf(candidate), signal);
    await store.commit(candidate);
    this.#options.logger.info('The new certificate is the board’s.');
  }

  async settleOthers(jobId: string | undefined, signal: AbortSignal): Promise<void> {
    const { candidate } = this.#options.store;
    if (candidate !== undefined && candidate.job_id !== jobId) await this.#rollBack(candidate, signal);
  }

  async #begin({ jobId }: JobContext): Promise<Candidate | JobOutcome> {
    const { store, logger } = this.#options;
    try {
      return await store.begin(jobId, newPrivateKey());
    } catch (error) {
      logger.error({ err: error }, 'The bundle cannot be written.');
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      return failed(
        'bundle_not_writable',
        `The bundle cannot be written (${code}): make its directory writable for the agent's user, then make a new job.`,
      );
    }
  }

  /** Asks for the certificate, waits for it, keeps it. */
  async #obtain(candidate: Candidate, context: JobContext): Promise<Candidate | JobOutcome> {
    const { store, clock, thing, identity } = this.#options;
    const privateKey = await readFile(store.pathsOf(candidate.directory).privateKey, 'utf8');
    let { details } = context;
    // What stands there already is an answer to this very key, or the same request.
    if (details['step'] === undefined) {
      details = rotationRequestDetails({
        csrDer: certificateRequest(privateKey, thing),
        certificateId: identity.current.certificateId,
      });
      await context.progress(details, { stepTimeoutMinutes });
    }
    for (let pollMs = firstPollMs; details['step'] === rotationSteps.request; ) {
      await sleep(clock, pollMs, context.signal);
      details = await context.describe();
      pollMs = Math.min(2 * pollMs, slowestPollMs);
    }
    const certificate = readIssuedCertificate(details);
    if (certificate === undefined) return failed('no_certificate', 'The status details hold no certificate.');
    const issued = readIssued(certificate, privateKey, clock.now());
    if ('fault' in issued) return failed('certificate_unusable', issued.fault);
    return store.keepCertificate(candidate, issued.pem);
  }

  /** Connects by the candidate; where that fails, the board is back on its old identity when it resolves. */
  async #tryOut(candidate: Candidate, signal: AbortSignal): Promise<JobOutcome | undefined> {
    const { trial, logger } = this.#options;
    const old = await this.#activeIdentity();
    const hadCredentials = await trial.hasCredentials();
    const connected = await trial.move(await this.#identityOf(candidate), signal);
    const fault = !connected
      ? 'The cloud was not reached with the new certificate within 90 s.'
      : hadCredentials && !(await trial.hasCredentials())
        ? 'The credential provider refuses the new certificate.'
        : undefined;
    if (fault === undefined) return undefined;
    logger.warn(`${fault} The board goes back to its old one.`);
    await trial.move(old, signal);
    return failed('not_verified', fault);
  }

  /** Nothing is forgotten that may be the only certificate the cloud accepts. */
  async #rollBack(candidate: Candidate, signal: AbortSignal): Promise<void> {
    const { store, trial, logger } = this.#options;
    if (await trial.move(await this.#activeIdentity(), signal)) {
      await store.drop();
      logger.warn('The rotation came to nothing; the board keeps its certificate.');
      return;
    }
    if (candidate.phase === 'verified' && (await trial.move(await this.#identityOf(candidate), signal))) {
      await store.commit(candidate);
      logger.warn('The old certificate is refused; the new one is the board’s.');
      return;
    }
    throw new Error('The board reaches the cloud with neither of its certificates; both are kept.');
  }

  #identityOf({ directory }: Candidate): Promise<Identity> {
    return readIdentity(this.#options.store.pathsOf(directory));
  }

  #activeIdentity(): Promise<Identity> {
    return readIdentity(this.#options.store.activePaths);
  }
}
