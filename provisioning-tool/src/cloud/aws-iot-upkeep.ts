import {
  DeleteCertificateCommand,
  DeleteThingCommand,
  DetachPolicyCommand,
  DetachThingPrincipalCommand,
  ListAttachedPoliciesCommand,
  ListCertificatesByCACommand,
  ListTargetsForPolicyCommand,
  ListThingPrincipalsCommand,
  ListThingsCommand,
  ListThingsInThingGroupCommand,
  UpdateCertificateCommand,
  UpdateThingCommand,
} from '@aws-sdk/client-iot';
import { type AwsCalls, required } from './aws-calls.ts';
import type { IotUpkeep, ListedCertificate, NamedThing } from './iot-upkeep.ts';

/** As much as AWS gives at once. */
const mostPerPage = 250;

/** What compares and clears up in AWS IoT Core's control plane. */
export class AwsIotUpkeep implements IotUpkeep {
  readonly #calls: AwsCalls;

  constructor(calls: AwsCalls) {
    this.#calls = calls;
  }

  async *certificatesOfCa(caId: string): AsyncGenerator<ListedCertificate> {
    const pages = this.#calls.pages('ListCertificatesByCA', async (token, abort) => {
      const page = await this.#calls.client.send(
        new ListCertificatesByCACommand({
          caCertificateId: caId,
          pageSize: mostPerPage,
          ascendingOrder: true,
          ...(token ? { marker: token } : {}),
        }),
        abort,
      );
      return { items: page.certificates, next: page.nextMarker };
    });
    for await (const { certificateId, status, creationDate } of pages)
      yield {
        id: required('ListCertificatesByCA', certificateId),
        status: required('ListCertificatesByCA', status),
        createdAtMs: creationDate?.getTime(),
      };
  }

  async *thingsWith(attribute: string, value: string): AsyncGenerator<NamedThing> {
    const pages = this.#calls.pages('ListThings', async (token, abort) => {
      const page = await this.#calls.client.send(
        new ListThingsCommand({
          attributeName: attribute,
          attributeValue: value,
          maxResults: mostPerPage,
          ...(token ? { nextToken: token } : {}),
        }),
        abort,
      );
      return { items: page.things, next: page.nextToken };
    });
    for await (const { thingName, thingTypeName, attributes } of pages)
      yield {
        name: required('ListThings', thingName),
        type: thingTypeName ?? '',
        attributes: attributes ?? {},
      };
  }

  async principalsOf(thing: string): Promise<string[]> {
    return await this.#calls.all('ListThingPrincipals', async (token, abort) => {
      const page = await this.#calls.client.send(
        new ListThingPrincipalsCommand({ thingName: thing, ...(token ? { nextToken: token } : {}) }),
        abort,
      );
      return { items: page.principals, next: page.nextToken };
    });
  }

  async policiesOf(certificateArn: string): Promise<string[]> {
    return await this.#calls.all('ListAttachedPolicies', async (token, abort) => {
      const page = await this.#calls.client.send(
        new ListAttachedPoliciesCommand({ target: certificateArn, ...(token ? { marker: token } : {}) }),
        abort,
      );
      return { items: page.policies?.flatMap(({ policyName }) => policyName ?? []), next: page.nextMarker };
    });
  }

  async *targetsOf(policy: string): AsyncGenerator<string> {
    yield* this.#calls.pages('ListTargetsForPolicy', async (token, abort) => {
      const page = await this.#calls.client.send(
        new ListTargetsForPolicyCommand({
          policyName: policy,
          pageSize: mostPerPage,
          ...(token ? { marker: token } : {}),
        }),
        abort,
      );
      return { items: page.targets, next: page.nextMarker };
    });
  }

  async *thingsIn(group: string): AsyncGenerator<string> {
    yield* this.#calls.pages('ListThingsInThingGroup', async (token, abort) => {
      const page = await this.#calls.client.send(
        new ListThingsInThingGroupCommand({
          thingGroupName: group,
          maxResults: mostPerPage,
          ...(token ? { nextToken: token } : {}),
        }),
        abort,
      );
      return { items: page.things, next: page.nextToken };
    });
  }

  async updateThing(name: string, attributes: Record<string, string>): Promise<void> {
    await this.#calls.call('UpdateThing', (abort) =>
      this.#calls.client.send(
        new UpdateThingCommand({ thingName: name, attributePayload: { attributes, merge: true } }),
        abort,
      ),
    );
  }

  async setCertificateStatus(id: string, status: 'INACTIVE' | 'REVOKED'): Promise<void> {
    await this.#calls.call('UpdateCertificate', (abort) =>
      this.#calls.client.send(new UpdateCertificateCommand({ certificateId: id, newStatus: status }), abort),
    );
  }

  async detachThingPrincipal(thing: string, certificateArn: string): Promise<void> {
    await this.#calls.find('DetachThingPrincipal', (abort) =>
      this.#calls.client.send(
        new DetachThingPrincipalCommand({ thingName: thing, principal: certificateArn }),
        abort,
      ),
    );
  }

  async detachPolicy(policy: string, certificateArn: string): Promise<void> {
    await this.#calls.find('DetachPolicy', (abort) =>
      this.#calls.client.send(new DetachPolicyCommand({ policyName: policy, target: certificateArn }), abort),
    );
  }

  async deleteCertificate(id: string): Promise<void> {
    await this.#calls.find('DeleteCertificate', (abort) =>
      this.#calls.client.send(new DeleteCertificateCommand({ certificateId: id }), abort),
    );
  }

  async deleteThing(name: string): Promise<void> {
    await this.#calls.find('DeleteThing', (abort) =>
      this.#calls.client.send(new DeleteThingCommand({ thingName: name }), abort),
    );
  }
}
