import { X509Certificate } from 'node:crypto';
import type { FakeIotAccount } from './fake-iot-account.ts';
import {
  ApiError,
  arn,
  type Body,
  type Call,
  idOf,
  page,
  parsed,
  type Route,
  text,
} from './fake-iot-wire.ts';

/** Certificates of boards. */
export function certificateRoutes(account: FakeIotAccount): Route[] {
  return [
    {
      method: 'POST',
      path: /^\/certificate\/register$/,
      operation: 'RegisterCertificate',
      handle: (call) => registerCertificate(account, call, true),
    },
    {
      method: 'POST',
      path: /^\/certificate\/register-no-ca$/,
      operation: 'RegisterCertificateWithoutCA',
      handle: (call) => registerCertificate(account, call, false),
    },
    {
      method: 'GET',
      path: /^\/certificates\/([^/]+)$/,
      operation: 'DescribeCertificate',
      handle: ({ name }) => {
        const { pem, status } = account.get(account.certificates, name);
        return { certificateDescription: { certificateId: name, certificatePem: pem, status } };
      },
    },
    {
      method: 'PUT',
      path: /^\/certificates\/([^/]+)$/,
      operation: 'UpdateCertificate',
      handle: ({ name, query }) => {
        account.get(account.certificates, name).status = query.get('newStatus') ?? '';
        return {};
      },
    },
    {
      method: 'DELETE',
      path: /^\/certificates\/([^/]+)$/,
      operation: 'DeleteCertificate',
      handle: ({ name }) => deleteCertificate(account, name),
    },
    {
      method: 'GET',
      path: /^\/certificates-by-ca\/([^/]+)$/,
      operation: 'ListCertificatesByCA',
      handle: ({ name, query }) => {
        const ca = new X509Certificate(account.get(account.cas, name).pem).publicKey;
        const all = [...account.certificates].filter(([, { pem }]) => new X509Certificate(pem).verify(ca));
        const { items, next } = page(all, query.get('marker'), query.get('pageSize'));
        return {
          certificates: items.map(([certificateId, { status, createdAt }]) => ({
            certificateId,
            certificateArn: arn(`cert/${certificateId}`),
            status,
            creationDate: createdAt / 1000,
          })),
          nextMarker: next,
        };
      },
    },
  ];
}

function registerCertificate(account: FakeIotAccount, { body }: Call, withCa: boolean): Body {
  const pem = text(body['certificatePem']);
  const certificate = parsed(pem);
  const id = idOf(pem);
  if (withCa) {
    const ca = [...account.cas.values()].find(
      ({ pem: caPem, status }) =>
        status === 'ACTIVE' && certificate.verify(new X509Certificate(caPem).publicKey),
    );
    if (!ca)
      throw new ApiError(400, 'CertificateValidationException', 'no active CA signed this certificate');
  }
  const certificateArn = arn(`cert/${id}`);
  if (account.certificates.has(id)) {
    throw new ApiError(
      409,
      'ResourceAlreadyExistsException',
      'The certificate is already provisioned or registered',
      { resourceId: id, resourceArn: certificateArn },
    );
  }
  account.certificates.set(id, {
    pem,
    status: text(body['status']) || 'INACTIVE',
    policies: new Set(),
    createdAt: Date.now(),
  });
  return { certificateId: id, certificateArn };
}

function deleteCertificate(account: FakeIotAccount, id: string): Body {
  const { status, policies } = account.get(account.certificates, id);
  if (status === 'ACTIVE') throw new ApiError(406, 'CertificateStateException', 'the certificate is ACTIVE');
  if (policies.size > 0 || [...account.things.values()].some(({ principals }) => principals.has(id)))
    throw new ApiError(409, 'DeleteConflictException', 'the certificate is attached');
  account.certificates.delete(id);
  return {};
}
