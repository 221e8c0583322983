import { join } from 'node:path';
import { issuedCertificateDetails, readRotationRequest } from '@aovis/contracts/jobs';
import { createLogger } from '../../../host/logger.ts';
import type { BoardIdentity } from '../../../identity/board-identity.ts';
import { type Bundle, loadBundle } from '../../../identity/bundle.ts';
import { openIdentities } from '../../../identity/bundle-identities.ts';
import type { IdentityStore } from '../../../identity/identity-store.ts';
import { FakeClock } from '../../../testing/fake-clock.ts';
import { temporaryDirectory } from '../../../testing/temporary-directory.ts';
import { writeBundle } from '../../../testing/test-bundle.ts';
import { TestCa } from '../../../testing/test-pki.ts';
import type { FakeExecution, FakeJobsService } from '../../testing/fake-jobs-service.ts';
import { JobStand } from '../../testing/job-stand.ts';
import { rotateCertificateJob } from '../rotate-certificate-job.ts';
import { Trial } from '../trial.ts';

/** What operator and cloud know of one board; it outlives the board's lives. */
export class RotationCloud {
  readonly directory: string;
  readonly ca: TestCa;
  /** Certificates that may connect, by id. */
  readonly active = new Set<string>();
  readonly factoryId: string;
  issuedId: string | undefined;
  /** What the operator answers a request with, where it is not the certificate. */
  answer: ((execution: FakeExecution) => Record<string, string> | undefined) | undefined;
  service: FakeJobsService | undefined;

  private constructor(directory: string, ca: TestCa, factoryId: string) {
    this.directory = directory;
    this.ca = ca;
    this.factoryId = factoryId;
    this.active.add(factoryId);
  }

  static async create(): Promise<RotationCloud> {
    const directory = await temporaryDirectory();
    const ca = await TestCa.create();
    const cloud = new RotationCloud(directory, ca, '');
    await writeBundle(cloud.bundle, ca);
    const { certificateId } = await loadBundle(cloud.bundle);
    return new RotationCloud(directory, ca, certificateId);
  }

  get bundle(): string {
    return join(this.directory, 'bundle');
  }

  /** As an operator does who sees a request. */
  async issue(execution: FakeExecution): Promise<void> {
    const request = readRotationRequest(execution.statusDetails);
    if (request === undefined) return;
    const answer = this.answer?.(execution);
    if (answer !== undefined) {
      execution.statusDetails = answer;
      return;
    }
    const { der, certificateId } = await this.ca.issueFor(request.csrDer);
    this.active.add(certificateId);
    this.issuedId = certificateId;
    if (execution.status === 'IN_PROGRESS') execution.statusDetails = issuedCertificateDetails(der);
  }
}

/** One life of a board that rotates its certificate. */
export class RotationStand {
  readonly jobs: JobStand;
  readonly clock = new FakeClock(Date.now());
  readonly store: IdentityStore;
  readonly identity: BoardIdentity;
  /** By whose certificates it connected, in order. */
  readonly connectedBy: string[] = [];
  credentials: (certificateId: string) => boolean = () => true;
  readonly #cloud: RotationCloud;

  private constructor(cloud: RotationCloud, opened: { store: IdentityStore; identity: BoardIdentity }) {
    this.#cloud = cloud;
    ({ store: this.store, identity: this.identity } = opened);
    const reconnect = async (): Promise<void> => {
      this.jobs.connection.disconnect();
      await this.connect();
    };
    const trial = new Trial({
      identity: this.identity,
      connection: {
        get state() {
          return jobs().connection.state;
        },
        onConnected: (listener) => this.#connected.push(listener),
        reconnect,
      },
      renewCredentials: async () => {
        if (!this.credentials(this.identity.current.certificateId)) throw new Error('refused');
      },
      clock: this.clock,
    });
    const jobs = (): JobStand => this.jobs;
    this.jobs = new JobStand(
      cloud.directory,
      {
        'rotate-certificate': rotateCertificateJob({
          thing: 'aovis-n4k-000123',
          store: this.store,
          identity: this.identity,
          trial,
          clock: this.clock,
          logger: createLogger({ level: 'silent' }),
        }),
      },
      { clock: this.clock, ...(cloud.service === undefined ? {} : { service: cloud.service }) },
    );
    cloud.service = this.jobs.service;
    cloud.service.onUpdated = (execution) => void cloud.issue(execution);
    this.jobs.connection.onConnected(() => {
      this.connectedBy.push(this.identity.current.certificateId);
      for (const listener of this.#connected) listener();
    });
  }

  readonly #connected: (() => void)[] = [];

  /** As when the board is switched on. */
  static async start(cloud: RotationCloud): Promise<RotationStand> {
    const stand = new RotationStand(
      cloud,
      await openIdentities(cloud.bundle, await loadBundle(cloud.bundle)),
    );
    await stand.jobs.startOffline();
    await stand.connect();
    return stand;
  }

  /** What a restart would come up with. */
  loaded(): Promise<Bundle> {
    return loadBundle(this.#cloud.bundle);
  }

  /** Attempts until the cloud takes one of the board's certificates, or has refused both. */
  async connect(): Promise<void> {
    for (let attempt = 0; attempt < 2; attempt++) {
      if (this.#cloud.active.has(this.identity.current.certificateId)) return this.jobs.connection.connect();
      this.identity.noteRefused();
    }
  }
}
