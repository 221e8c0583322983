import { readFileSync, rmSync } from 'node:fs';
import { type Issued, TestCa } from '@aovis/device-agent/testing/test-pki';
import { readPolicy } from '@aovis/simulator/cloud-setup';
import type { Endpoints } from '@aovis/simulator/endpoints';
import { LocalSystem } from '@aovis/simulator/local-system';
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  type CertificateStatus,
  CreatePolicyCommand,
  CreateThingCommand,
  RegisterCertificateWithoutCACommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot';
import { CloudClients } from './cloud-clients.ts';
import { temporaryFolder } from './running-system.ts';

/** local-cloud as a process of its own, without backend and factory; things are made through AWS's client. */
export class CloudAlone {
  readonly #system: LocalSystem;
  readonly #clients: CloudClients;
  readonly #ca: TestCa;

  private constructor(system: LocalSystem, ca: TestCa) {
    this.#system = system;
    this.#clients = new CloudClients(system.endpoints);
    this.#ca = ca;
  }

  static async start(): Promise<CloudAlone> {
    const system = new LocalSystem({ directory: temporaryFolder() });
    system.open();
    await system.startCloud();
    return new CloudAlone(system, await TestCa.create());
  }

  get endpoints(): Endpoints {
    return this.#system.endpoints;
  }

  /** PEM, of the servers' certificates. */
  get rootCa(): string {
    return readFileSync(this.endpoints.rootCaPath, 'utf8');
  }

  /** A thing that may do what a board may, by the policy of device-agent/policies, or everything. */
  async makeThing(thingName: string, may: 'as a board' | 'everything'): Promise<void> {
    const { iot } = this.#clients;
    const everything = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'iot:*', Resource: '*' }],
    };
    await iot.send(new CreateThingCommand({ thingName }));
    await iot.send(
      new CreatePolicyCommand({
        policyName: thingName,
        policyDocument:
          may === 'everything' ? JSON.stringify(everything) : readPolicy('board-policy.json', this.endpoints),
      }),
    );
  }

  /** A certificate of the thing, registered; the id is AWS's. */
  async issueFor(thingName: string, notAfter?: Date): Promise<Issued & { id: string }> {
    const { iot } = this.#clients;
    const issued = await this.#ca.issueClient({
      commonName: thingName,
      ...(notAfter === undefined ? {} : { notAfter }),
    });
    const { certificateId = '', certificateArn = '' } = await iot.send(
      new RegisterCertificateWithoutCACommand({ certificatePem: issued.certificate, status: 'ACTIVE' }),
    );
    await iot.send(new AttachThingPrincipalCommand({ thingName, principal: certificateArn }));
    await iot.send(new AttachPolicyCommand({ policyName: thingName, target: certificateArn }));
    return { ...issued, id: certificateId };
  }

  /** A certificate that nobody registered. */
  issueUnregistered(commonName: string): Promise<Issued> {
    return this.#ca.issueClient({ commonName });
  }

  async setStatus({ id }: { id: string }, newStatus: CertificateStatus): Promise<void> {
    await this.#clients.iot.send(new UpdateCertificateCommand({ certificateId: id, newStatus }));
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const cloud = this.#system.program('local-cloud');
    if (cloud.running) await cloud.kill();
  }

  async restart(): Promise<void> {
    await this.#system.startCloud();
  }

  async stop(): Promise<void> {
    this.#clients.close();
    await this.#system.stop();
    rmSync(this.#system.folder.root, { recursive: true, force: true });
  }
}
