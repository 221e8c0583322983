import {
  isJobOperation,
  issuedCertificateDetails,
  jobDocumentSchemas,
  readRotationRequest,
} from '@aovis/contracts/jobs';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { record } from '../audit/audit-log.ts';
import type { BoardCertificates, BoardJob, BoardJobs } from './rotation-ports.ts';

/** A sentence for the operator who typed the command. */
export class BoardJobRefused extends Error {
  override name = 'BoardJobRefused';
}

export interface RotationServiceOptions {
  db: Database;
  clock: Clock;
  jobs: BoardJobs;
  certificates: BoardCertificates;
  /** Tells the operator what is waited for. */
  say: (line: string) => void;
  /** Resolves after so long; rejects when the operator interrupts. */
  wait: (ms: number) => Promise<void>;
}

const pollMs = 2_000;
const dayMinutes = 24 * 60;
const ended = new Set(['SUCCEEDED', 'FAILED', 'REJECTED', 'CANCELED', 'TIMED_OUT', 'REMOVED']);

/**
 * Jobs of one board, watched to their end. For operators: there is no route to it. Interrupted at any point it is run again with
 * the same job id.
 */
export class RotationService {
  readonly #options: RotationServiceOptions;

  constructor(options: RotationServiceOptions) {
    this.#options = options;
  }

  /** Any job; `document` as the contract has it. @throws BoardJobRefused */
  async run(deviceId: string, document: unknown, jobId: string): Promise<BoardJob> {
    const operation = (document as { operation?: unknown } | null)?.operation;
    if (!isJobOperation(operation))
      throw new BoardJobRefused(
        `The document's operation is none of ${Object.keys(jobDocumentSchemas).join(', ')}.`,
      );
    if (operation === 'rotate-certificate')
      throw new BoardJobRefused('Use board rotate-certificate, which issues the certificate too.');
    const parsed = jobDocumentSchemas[operation].safeParse(document);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new BoardJobRefused(`The document does not fit: ${issue?.path.join('.')}: ${issue?.message}`);
    }
    await this.#certificateOf(deviceId);
    await this.#create(deviceId, jobId, parsed.data);
    return this.#untilEnded(deviceId, jobId, async () => {});
  }

  /** Gives a board a new certificate. @throws BoardJobRefused */
  async rotate(deviceId: string, jobId: string): Promise<BoardJob> {
    const before = await this.#certificateOf(deviceId);
    await this.#create(deviceId, jobId, { operation: 'rotate-certificate' });
    const job = await this.#untilEnded(deviceId, jobId, (now) => this.#answer(deviceId, jobId, now));
    const wanted = job.status === 'SUCCEEDED' ? job.details['certificate_id'] : before;
    await this.#keep(deviceId, wanted);
    return job;
  }

  async #create(deviceId: string, jobId: string, document: object): Promise<void> {
    await this.#options.jobs.create({ jobId, deviceId, document, timeoutMinutes: dayMinutes });
    this.#options.say(
      `Job ${jobId} of ${deviceId}; after an interruption run the same command with --job ${jobId}.`,
    );
  }

  async #untilEnded(
    deviceId: string,
    jobId: string,
    underWay: (job: BoardJob) => Promise<void>,
  ): Promise<BoardJob> {
    const { jobs, say, wait } = this.#options;
    for (let said = ''; ; await wait(pollMs)) {
      const job = await jobs.find(deviceId, jobId);
      if (job === undefined) throw new BoardJobRefused(`${deviceId} has no job ${jobId}.`);
      const state = [job.status, job.details['step']].filter(Boolean).join(', ');
      if (state !== said) say(state);
      said = state;
      if (ended.has(job.status)) return job;
      if (job.status === 'IN_PROGRESS') await underWay(job);
    }
  }

  /** Issues what the board asks for. */
  async #answer(deviceId: string, jobId: string, { details, version }: BoardJob): Promise<void> {
    const { jobs, certificates, say } = this.#options;
    const request = readRotationRequest(details);
    if (request === undefined) return;
    // Only the board's own certificate may write these details; that it names another one would be a copied bundle.
    if (!(await certificates.of(deviceId)).includes(request.certificateId))
      throw new BoardJobRefused(
        `${deviceId} asks by the certificate ${request.certificateId}, which is not attached to it in AWS IoT Core: look into that first.`,
      );
    const { csrDer, certificateId: policiesOf } = request;
    const { certificateId, der } = await certificates.issue({ deviceId, csrDer, policiesOf });
    say(`Issued ${certificateId}.`);
    const change = { details: issuedCertificateDetails(der), expectedVersion: version };
    if (!(await jobs.setDetails(deviceId, jobId, change)))
      say('The job has moved on meanwhile; the certificate is put out of use at its end.');
  }

  /** The board's thing keeps this one certificate, and the database knows it. */
  async #keep(deviceId: string, certificateId: string | undefined): Promise<void> {
    const { certificates, say } = this.#options;
    const attached = await certificates.of(deviceId);
    // A board's word alone must not put certificates out of use.
    if (
      certificateId === undefined ||
      !attached.includes(certificateId) ||
      !(await certificates.isActive(certificateId))
    )
      throw new BoardJobRefused(
        `The job has ended, but ${certificateId ?? 'no certificate'} is not an ACTIVE certificate of ${deviceId}. Nothing was put out of use; ` +
          `look at the thing's certificates in AWS IoT Core.`,
      );
    await this.#store(deviceId, certificateId);
    for (const other of attached)
      if (other !== certificateId) {
        await certificates.retire(deviceId, other);
        say(`Put out of use: ${other}.`);
      }
    say(`${deviceId} has the certificate ${certificateId}.`);
  }

  async #store(deviceId: string, certificateId: string): Promise<void> {
    const { db, clock } = this.#options;
    await transaction(db, async (trx) => {
      const changed = await trx('devices')
        .where({ device_id: deviceId })
        .whereNot({ certificate_id: certificateId })
        .update({
          certificate_id: certificateId,
          // A roll-back to that one leaves nothing to remember.
          handed_over_certificate_id: trx.raw(
            'nullif(coalesce(handed_over_certificate_id, certificate_id), ?)',
            [certificateId],
          ),
          updated_at: clock.now(),
        });
      if (changed === 0) return;
      await record(trx, {
        action: 'device.rotate_certificate',
        actor: { kind: 'admin', id: 'cli' },
        subject: { kind: 'device', id: deviceId },
        outcome: 'ok',
        details: { certificate_id: certificateId },
      });
    });
  }

  /** Of the board, as the database has it. @throws BoardJobRefused */
  async #certificateOf(deviceId: string): Promise<string> {
    const row = await this.#options
      .db('devices')
      .where({ device_id: deviceId })
      .first<{ certificate_id: string | null } | undefined>('certificate_id');
    if (row === undefined) throw new BoardJobRefused(`There is no device ${deviceId} on record.`);
    if (row.certificate_id === null) throw new BoardJobRefused(`${deviceId} has no certificate on record.`);
    return row.certificate_id;
  }
}
