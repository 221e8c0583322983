import type { ThingDescription } from './iot-registry.ts';

/** A certificate in a list. */
export interface ListedCertificate {
  id: string;
  status: string;
  /** Milliseconds since the epoch; undefined when AWS does not say. */
  createdAtMs: number | undefined;
}

export interface NamedThing extends ThingDescription {
  name: string;
}

/** What comparing and clearing up needs of AWS IoT Core. All throw `CloudFailure`. */
export interface IotUpkeep {
  /** Every certificate that AWS has of this CA. */
  certificatesOfCa(caId: string): AsyncIterable<ListedCertificate>;
  /** Every thing whose attribute has this value. */
  thingsWith(attribute: string, value: string): AsyncIterable<NamedThing>;
  /** ARNs; empty, too, when there is no such thing. */
  principalsOf(thing: string): Promise<string[]>;
  /** Names; empty, too, when there is no such certificate. */
  policiesOf(certificateArn: string): Promise<string[]>;
  /** ARNs of the certificates, and whatever else, that have this policy. */
  targetsOf(policy: string): AsyncIterable<string>;
  /** Names. */
  thingsIn(group: string): AsyncIterable<string>;
  /** Attributes that are not named stay. */
  updateThing(name: string, attributes: Record<string, string>): Promise<void>;
  /** Leaving ACTIVE, AWS disconnects whoever uses the certificate. */
  setCertificateStatus(id: string, status: 'INACTIVE' | 'REVOKED'): Promise<void>;
  /** These succeed, too, when there is nothing to take away. */
  detachThingPrincipal(thing: string, certificateArn: string): Promise<void>;
  detachPolicy(policy: string, certificateArn: string): Promise<void>;
  deleteCertificate(id: string): Promise<void>;
  deleteThing(name: string): Promise<void>;
}
