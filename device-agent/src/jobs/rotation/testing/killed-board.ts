import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { issuedCertificateDetails, readRotationRequest } from '@aovis/contracts/jobs';
import { TestBroker } from '../../../iot/testing/test-broker.ts';
import { testThing, writeBundle } from '../../../testing/test-bundle.ts';
import { TestCa } from '../../../testing/test-pki.ts';
import { type FakeExecution, FakeJobsService, type JobStatus } from '../../testing/fake-jobs-service.ts';

const program = join(import.meta.dirname, 'rotating-board.ts');

/** A board as a process, with a broker, the jobs service and an operator around it, who keeps to the protocol. */
export class KilledBoard {
  readonly service: FakeJobsService;
  /** By which certificates it connected, over all its lives. */
  readonly connectedBy: string[] = [];
  /** Called with every request of the board, before it is answered. */
  onWord: () => void = () => {};
  readonly #folder: string;
  readonly #ca: TestCa;
  readonly #broker: TestBroker;
  /** PEM by certificate id, of all that ever were the board's. */
  readonly #certificates = new Map<string, string>();
  #present: string;
  #process: ChildProcess | undefined;
  readonly #listeners = new Set<() => void>();

  private constructor(folder: string, ca: TestCa, broker: TestBroker, factory: { id: string; pem: string }) {
    this.#folder = folder;
    this.#ca = ca;
    this.#broker = broker;
    this.#present = factory.id;
    this.#certificates.set(factory.id, factory.pem);
    this.service = new FakeJobsService(testThing, ({ topic, payload }) => broker.send(topic, payload));
    this.service.onUpdated = (execution) => void this.#operate(execution);
    broker.onReceived = (message) => {
      if (!message.topic.includes('/jobs/')) return;
      this.onWord();
      this.service.answer(message);
    };
  }

  static async create(folder: string): Promise<KilledBoard> {
    const ca = await TestCa.create();
    const broker = await TestBroker.start(ca);
    const { certificate: pem } = await writeBundle(join(folder, 'bundle'), ca);
    return new KilledBoard(folder, ca, broker, { id: idOf(pem), pem });
  }

  /** The one certificate that the operator has left alive. */
  get present(): string {
    return this.#present;
  }

  start(): void {
    if (this.#process !== undefined) throw new Error('The board runs already');
    const child = spawn(process.execPath, [program, this.#folder, String(this.#broker.port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: child.stdout }).on('line', (certificateId) => {
      this.connectedBy.push(certificateId);
      for (const listener of this.#listeners) listener();
    });
    this.#process = child;
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** As the service does on its own or for an operator; the new certificate is put out of use. */
  end(jobId: string, status: JobStatus): void {
    const { status: now } = this.service.find(jobId);
    if (now !== 'QUEUED' && now !== 'IN_PROGRESS') return;
    this.service.set(jobId, { status });
    this.#keep(this.#present);
  }

  async untilConnectedBy(certificateId: () => string): Promise<void> {
    const from = this.connectedBy.length;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.connectedBy.length <= from || this.connectedBy.at(-1) !== certificateId()) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
    });
  }

  untilEnded(jobId: string): Promise<void> {
    return this.#broker.until(() => !['QUEUED', 'IN_PROGRESS'].includes(this.service.find(jobId).status));
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.#broker.kill();
  }

  async #operate(execution: FakeExecution): Promise<void> {
    const { status, statusDetails } = execution;
    if (status === 'SUCCEEDED') return this.#keep(statusDetails['certificate_id'] ?? '');
    if (status !== 'IN_PROGRESS') return this.#keep(this.#present);
    const request = readRotationRequest(statusDetails);
    if (request === undefined) return;
    const { der, certificate, certificateId } = await this.#ca.issueFor(request.csrDer);
    this.#certificates.set(certificateId, certificate);
    // It may have ended meanwhile: then nobody gets it.
    if (execution.status === 'IN_PROGRESS') execution.statusDetails = issuedCertificateDetails(der);
    else this.#keep(this.#present);
  }

  #keep(certificateId: string): void {
    this.#present = certificateId;
    for (const [id, pem] of this.#certificates) if (id !== certificateId) this.#broker.revoke(pem);
    this.#broker.closeConnections();
  }
}

function idOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}
