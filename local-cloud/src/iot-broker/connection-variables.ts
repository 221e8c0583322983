import type { X509Certificate } from 'node:crypto';
import type { Registry } from '../iot-core/registry.ts';

/** Names of AWS's variables by the attribute's short name (AWS IoT Developer Guide, "X.509 certificate policy variables"). */
const attributeNames: Readonly<Record<string, string>> = {
  C: 'Country',
  O: 'Organization',
  OU: 'OrganizationalUnit',
  ST: 'State',
  CN: 'CommonName',
  serialNumber: 'SerialNumber',
  dnQualifier: 'DistinguishedNameQualifier',
  title: 'Title',
  SN: 'Surname',
  GN: 'GivenName',
  initials: 'Initials',
  pseudonym: 'Pseudonym',
  generationQualifier: 'GenerationQualifier',
};

/** `iot:CertificateId`, `iot:Certificate.Subject.CommonName` and so on; further values of an attribute have `.1`, `.2` behind. */
export function certificateVariables(
  certificateId: string,
  certificate: X509Certificate,
): Record<string, string> {
  const { subject, issuer } = certificate.toLegacyObject();
  return {
    'iot:CertificateId': certificateId,
    ...nameVariables('iot:Certificate.Subject.', subject),
    ...nameVariables('iot:Certificate.Issuer.', issuer),
  };
}

function nameVariables(prefix: string, name: object): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [attribute, value] of Object.entries(name as Record<string, string | string[]>)) {
    const known = attributeNames[attribute];
    if (known === undefined) continue;
    const values = typeof value === 'string' ? [value] : value;
    for (const [i, text] of values.entries()) {
      if (i === 0) variables[prefix + known] = text;
      variables[`${prefix}${known}.${i}`] = text;
    }
  }
  return variables;
}

/**
 * The thing a connection speaks for: the one its certificate belongs to exclusively, else the attached one whose name
 * is the client id (AWS IoT Developer Guide, "Thing policy variables", "Associating an AWS IoT thing to an MQTT
 * client connection").
 */
export function findConnectionThing(
  registry: Registry,
  certificateId: string,
  clientId: string,
): { thingName: string; exclusive: boolean } | undefined {
  const attached = registry.thingsOf(certificateId);
  return (
    attached.find(({ exclusive }) => exclusive) ?? attached.find(({ thingName }) => thingName === clientId)
  );
}

/** Everything a policy of this connection can refer to. */
export function connectionVariables(
  registry: Registry,
  connection: {
    certificateVariables: Readonly<Record<string, string>>;
    certificateId: string;
    clientId: string;
    sourceIp: string;
  },
): Record<string, string> {
  const { certificateId, clientId, sourceIp } = connection;
  const attached = findConnectionThing(registry, certificateId, clientId);
  const thing = attached && registry.findThing(attached.thingName);
  return {
    ...connection.certificateVariables,
    'iot:ClientId': clientId,
    'aws:SourceIp': sourceIp,
    'iot:Connection.Thing.IsAttached': String(attached !== undefined),
    ...(thing && { 'iot:Connection.Thing.ThingName': thing.thingName }),
    ...(thing?.thingTypeName !== undefined && { 'iot:Connection.Thing.ThingTypeName': thing.thingTypeName }),
    ...Object.fromEntries(
      Object.entries(thing?.attributes ?? {}).map(([name, value]) => [
        `iot:Connection.Thing.Attributes[${name}]`,
        value,
      ]),
    ),
  };
}
