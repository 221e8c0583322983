import type { X509Certificate } from 'node:crypto';
import type { CertificateRecord, Registry } from '../iot-core/registry.ts';
import type { Environment } from '../kernel/service.ts';
import type { Connections } from './connections.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import type { MessageBus } from './message.ts';

export interface RegistryWatchOptions {
  environment: Pick<Environment, 'accountId' | 'clock'>;
  registry: Registry;
  gatekeeper: Gatekeeper;
  connections: Connections;
  bus: MessageBus;
}

/** Between broker and registry: what the registry announces ends connections, and new certificates come in. */
export class RegistryWatch {
  readonly #options: RegistryWatchOptions;

  constructor(options: RegistryWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const { changes } = this.#options.registry;
    changes.on('certificate', this.#onCertificate);
    changes.on('certificateDeleted', this.#expel);
    changes.on('policies', this.#onPolicies);
  }

  stop(): void {
    const { changes } = this.#options.registry;
    changes.off('certificate', this.#onCertificate);
    changes.off('certificateDeleted', this.#expel);
    changes.off('policies', this.#onPolicies);
  }

  /** A certificate of a known CA registers itself, PENDING_ACTIVATION; the client is refused and tries again. */
  registerJustInTime(certificate: X509Certificate): void {
    const { registry, environment, bus } = this.#options;
    const record = registry.registerJustInTime(
      certificate.toString(),
      certificate.issuerCertificate?.toString(),
    );
    if (record?.caCertificateId === undefined) return;
    const { certificateId, caCertificateId, createdAt } = record;
    bus.publish({
      topic: `$aws/events/certificates/registered/${caCertificateId}`,
      payload: JSON.stringify({
        certificateId,
        caCertificateId,
        timestamp: environment.clock.now(),
        certificateStatus: record.status,
        awsAccountId: environment.accountId,
        certificateRegistrationTimestamp: String(createdAt),
      }),
      qos: 1,
    });
  }

  readonly #onCertificate = ({ certificateId, status }: CertificateRecord): void => {
    if (status !== 'ACTIVE') this.#expel(certificateId);
  };

  readonly #expel = (certificateId: string): void => {
    for (const connection of this.#options.connections.ofCertificate(certificateId))
      connection.end('AUTH_ERROR');
  };

  /** Permissions are read anew; whoever may no longer connect is disconnected. */
  readonly #onPolicies = (certificateIds: string[]): void => {
    const { connections, gatekeeper } = this.#options;
    for (const certificateId of certificateIds) {
      for (const connection of connections.ofCertificate(certificateId)) {
        const { admission } = connection;
        if (admission === undefined) continue;
        const { clientId, connectAttributes } = admission;
        admission.authority = gatekeeper.authorityOf(connection, clientId);
        if (!admission.authority.allowsConnect(clientId, connectAttributes)) connection.end('AUTH_ERROR');
      }
    }
  };
}
