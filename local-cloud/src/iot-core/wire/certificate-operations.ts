import { z } from 'zod';
import type { AwsOperation } from '../../kernel/aws-server.ts';
import type { CaCertificates } from '../ca-certificates.ts';
import type { Certificates } from '../certificates.ts';
import { invalidRequest } from '../errors.ts';
import type { IotState, StoredCa, StoredCertificate } from '../state.ts';
import { certificateId, flag, operation, seconds, tags } from './operation.ts';
import { chronological, markerInput, page } from './paging.ts';

const pem = z.string({ error: 'Member must not be null' }).min(1).max(65_536);
const status = z.enum([
  'ACTIVE',
  'INACTIVE',
  'REVOKED',
  'PENDING_TRANSFER',
  'REGISTER_INACTIVE',
  'PENDING_ACTIVATION',
]);

/** Certificates and their authorities, in the shapes of the AWS IoT API reference. */
export function certificateOperations(
  state: IotState,
  cas: CaCertificates,
  certificates: Certificates,
  accountId: string,
): AwsOperation[] {
  const identity = ({ certificateArn, certificateId: id }: StoredCertificate | StoredCa) => ({
    certificateArn,
    certificateId: id,
  });
  const common = (stored: StoredCertificate | StoredCa) => ({
    ...identity(stored),
    status: stored.status,
    certificatePem: stored.certificatePem,
    ownedBy: accountId,
    creationDate: seconds(stored.createdAt),
    lastModifiedDate: seconds(stored.lastModifiedAt),
    customerVersion: stored.customerVersion,
    generationId: stored.generationId,
    validity: { notBefore: seconds(stored.notBefore), notAfter: seconds(stored.notAfter) },
    certificateMode: stored.certificateMode,
  });
  const listed = (
    all: StoredCertificate[],
    input: {
      marker?: string | undefined;
      pageSize?: number | undefined;
      isAscendingOrder?: boolean | undefined;
    },
  ) => {
    const { items, next } = page(all, (one) => chronological(one.createdAt, one.certificateId), {
      token: input.marker,
      size: input.pageSize,
      descending: input.isAscendingOrder !== true,
    });
    return {
      certificates: items.map((one) => ({
        ...identity(one),
        status: one.status,
        certificateMode: one.certificateMode,
        creationDate: seconds(one.createdAt),
      })),
      nextMarker: next,
    };
  };

  return [
    operation('GetRegistrationCode', 'GET', '/registrationcode', z.object({}), () => ({
      registrationCode: state.registrationCode(),
    })),
    operation('DeleteRegistrationCode', 'DELETE', '/registrationcode', z.object({}), () =>
      state.deleteRegistrationCode(),
    ),
    operation(
      'RegisterCACertificate',
      'POST',
      '/cacertificate',
      z.object({
        caCertificate: pem,
        verificationCertificate: pem.optional(),
        setAsActive: flag.default(false),
        allowAutoRegistration: flag.default(false),
        certificateMode: z.enum(['DEFAULT', 'SNI_ONLY']).default('DEFAULT'),
        registrationConfig: noTemplates(),
        tags: tags.optional(),
      }),
      (input) => {
        const ca = cas.register(input);
        state.tag(ca.certificateArn, input.tags);
        return identity(ca);
      },
    ),
    operation(
      'DescribeCACertificate',
      'GET',
      '/cacertificate/{certificateId}',
      z.object({ certificateId }),
      (input) => {
        const ca = cas.get(input.certificateId);
        return {
          certificateDescription: {
            ...common(ca),
            autoRegistrationStatus: ca.autoRegistration ? 'ENABLE' : 'DISABLE',
          },
        };
      },
    ),
    operation(
      'UpdateCACertificate',
      'PUT',
      '/cacertificate/{certificateId}',
      z.object({
        certificateId,
        newStatus: z.enum(['ACTIVE', 'INACTIVE']).optional(),
        newAutoRegistrationStatus: z.enum(['ENABLE', 'DISABLE']).optional(),
        removeAutoRegistration: flag.optional(),
        registrationConfig: noTemplates(),
      }),
      (input) => {
        const wanted = input.removeAutoRegistration === true ? 'DISABLE' : input.newAutoRegistrationStatus;
        cas.update(input.certificateId, {
          status: input.newStatus,
          autoRegistration: wanted === undefined ? undefined : wanted === 'ENABLE',
        });
      },
    ),
    operation(
      'DeleteCACertificate',
      'DELETE',
      '/cacertificate/{certificateId}',
      z.object({ certificateId }),
      (input) => cas.delete(input.certificateId),
    ),
    operation('ListCACertificates', 'GET', '/cacertificates', z.object(markerInput), (input) => {
      const { items, next } = page(cas.list(), (ca) => chronological(ca.createdAt, ca.certificateId), {
        token: input.marker,
        size: input.pageSize,
        descending: input.isAscendingOrder !== true,
      });
      const certificates = items.map((ca) => ({
        ...identity(ca),
        status: ca.status,
        creationDate: seconds(ca.createdAt),
      }));
      return { certificates, nextMarker: next };
    }),
    operation(
      'RegisterCertificate',
      'POST',
      '/certificate/register',
      z.object({
        certificatePem: pem,
        caCertificatePem: pem.optional(),
        setAsActive: flag.optional(),
        status: status.optional(),
      }),
      (input) =>
        identity(
          certificates.register(
            input.certificatePem,
            input.caCertificatePem,
            input.status ?? (input.setAsActive === true ? 'ACTIVE' : 'INACTIVE'),
          ),
        ),
    ),
    operation(
      'RegisterCertificateWithoutCA',
      'POST',
      '/certificate/register-no-ca',
      z.object({ certificatePem: pem, status: status.default('INACTIVE') }),
      (input) => identity(certificates.registerWithoutCa(input.certificatePem, input.status)),
    ),
    operation(
      'CreateKeysAndCertificate',
      'POST',
      '/keys-and-certificate',
      z.object({ setAsActive: flag.default(false) }),
      async (input) => {
        const made = await certificates.createWithKeys(input.setAsActive);
        return {
          ...identity(made.certificate),
          certificatePem: made.certificate.certificatePem,
          keyPair: { PublicKey: made.publicKeyPem, PrivateKey: made.privateKeyPem },
        };
      },
    ),
    operation(
      'CreateCertificateFromCsr',
      'POST',
      '/certificates',
      z.object({ certificateSigningRequest: pem, setAsActive: flag.default(false) }),
      async (input) => {
        const made = await certificates.createFromCsr(input.certificateSigningRequest, input.setAsActive);
        return { ...identity(made), certificatePem: made.certificatePem };
      },
    ),
    operation(
      'DescribeCertificate',
      'GET',
      '/certificates/{certificateId}',
      z.object({ certificateId }),
      (input) => {
        const stored = certificates.get(input.certificateId);
        return { certificateDescription: { ...common(stored), caCertificateId: stored.caCertificateId } };
      },
    ),
    operation(
      'UpdateCertificate',
      'PUT',
      '/certificates/{certificateId}',
      z.object({ certificateId, newStatus: status }),
      (input) => certificates.setStatus(input.certificateId, input.newStatus),
    ),
    operation(
      'DeleteCertificate',
      'DELETE',
      '/certificates/{certificateId}',
      z.object({ certificateId, forceDelete: flag.default(false) }),
      (input) => certificates.delete(input.certificateId, input.forceDelete),
    ),
    operation('ListCertificates', 'GET', '/certificates', z.object(markerInput), (input) =>
      listed(certificates.list(), input),
    ),
    operation(
      'ListCertificatesByCA',
      'GET',
      '/certificates-by-ca/{caCertificateId}',
      z.object({ caCertificateId: certificateId, ...markerInput }),
      (input) => listed(certificates.listByCa(input.caCertificateId), input),
    ),
  ];
}

/** A template would provision boards at their first connect; saying yes and doing nothing would be worse than no. */
function noTemplates() {
  return z
    .unknown()
    .optional()
    .transform((value) => {
      if (value !== undefined)
        throw invalidRequest(
          'The local stand-in has no provisioning templates: leave registrationConfig out',
        );
    });
}
