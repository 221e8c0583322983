import type { AwsOperation } from '../kernel/aws-server.ts';

/**
 * Calls a second by operation: AWS's default quotas for an account and region (Service Quotas, "AWS IoT Core control
 * plane API"; smaller regions have less).
 */
const quotas: Readonly<Record<string, number>> = {
  GetRegistrationCode: 10,
  DeleteRegistrationCode: 10,
  RegisterCACertificate: 10,
  DescribeCACertificate: 10,
  UpdateCACertificate: 10,
  DeleteCACertificate: 10,
  ListCACertificates: 10,
  RegisterCertificate: 10,
  RegisterCertificateWithoutCA: 10,
  CreateKeysAndCertificate: 10,
  CreateCertificateFromCsr: 15,
  DescribeCertificate: 10,
  UpdateCertificate: 10,
  DeleteCertificate: 10,
  ListCertificates: 10,
  ListCertificatesByCA: 10,
  CreateThing: 100,
  DescribeThing: 350,
  UpdateThing: 100,
  DeleteThing: 100,
  ListThings: 10,
  AttachThingPrincipal: 100,
  DetachThingPrincipal: 100,
  ListThingPrincipals: 10,
  ListThingPrincipalsV2: 10,
  ListPrincipalThings: 10,
  ListPrincipalThingsV2: 10,
  CreateThingType: 15,
  DescribeThingType: 100,
  ListThingTypes: 10,
  CreateThingGroup: 25,
  DescribeThingGroup: 100,
  AddThingToThingGroup: 100,
  RemoveThingFromThingGroup: 100,
  ListThingGroups: 10,
  ListThingGroupsForThing: 10,
  ListThingsInThingGroup: 10,
  CreatePolicy: 10,
  GetPolicy: 10,
  ListPolicies: 10,
  AttachPolicy: 15,
  DetachPolicy: 15,
  AttachPrincipalPolicy: 15,
  DetachPrincipalPolicy: 15,
  ListAttachedPolicies: 10,
  ListTargetsForPolicy: 10,
  CreateRoleAlias: 10,
  ListRoleAliases: 10,
  DescribeEndpoint: 10,
};

/** Most of the API; taken for operations that the table does not name. */
const usualQuota = 10;

export function throttlesOf(operations: readonly AwsOperation[]): Record<string, number> {
  return Object.fromEntries(operations.map(({ name }) => [name, quotas[name] ?? usualQuota]));
}
