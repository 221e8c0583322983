import { X509Certificate } from 'node:crypto';
import type { FakeIotAccount } from './fake-iot-account.ts';
import { ApiError, arn, type Body, type Call, idOf, type Route, text } from './fake-iot-wire.ts';

/** What is set up once: endpoints, role aliases and CAs. */
export function authorityRoutes(account: FakeIotAccount): Route[] {
  return [
    {
      method: 'GET',
      path: /^\/endpoint$/,
      operation: 'DescribeEndpoint',
      handle: (call) => endpoint(call),
    },
    {
      method: 'GET',
      path: /^\/role-aliases\/([^/]+)$/,
      operation: 'DescribeRoleAlias',
      handle: ({ name }) =>
        account.named(account.roleAliases, name, { roleAliasDescription: { roleAlias: name } }),
    },
    {
      method: 'GET',
      path: /^\/registrationcode$/,
      operation: 'GetRegistrationCode',
      handle: () => ({ registrationCode: account.registrationCode }),
    },
    {
      method: 'POST',
      path: /^\/cacertificate$/,
      operation: 'RegisterCACertificate',
      handle: (call) => registerCa(account, call),
    },
    {
      method: 'GET',
      path: /^\/cacertificate\/([^/]+)$/,
      operation: 'DescribeCACertificate',
      handle: ({ name }) => describeCa(account, name),
    },
    {
      method: 'PUT',
      path: /^\/cacertificate\/([^/]+)$/,
      operation: 'UpdateCACertificate',
      handle: ({ name, query }) => {
        account.get(account.cas, name).status = query.get('newStatus') ?? '';
        return {};
      },
    },
  ];
}

function endpoint({ query }: Call): Body {
  const prefix = query.get('endpointType') === 'iot:Data-ATS' ? 'abc-ats.iot' : 'abc.credentials.iot';
  return { endpointAddress: `${prefix}.eu-central-1.amazonaws.com` };
}

function registerCa(account: FakeIotAccount, { body }: Call): Body {
  const pem = text(body['caCertificate']);
  const mode = text(body['certificateMode']) || 'DEFAULT';
  const id = idOf(pem);
  if (account.cas.has(id))
    throw new ApiError(409, 'ResourceAlreadyExistsException', 'CA already exists', {
      resourceId: id,
      resourceArn: arn(`cacert/${id}`),
    });
  if (mode === 'DEFAULT') {
    const proof = new X509Certificate(text(body['verificationCertificate']));
    if (
      proof.subject !== `CN=${account.registrationCode}` ||
      !proof.verify(new X509Certificate(pem).publicKey)
    )
      throw new ApiError(400, 'RegistrationCodeValidationException', 'the verification certificate is wrong');
  }
  account.cas.set(id, { pem, status: 'ACTIVE', mode });
  return { certificateId: id, certificateArn: arn(`cacert/${id}`) };
}

function describeCa(account: FakeIotAccount, id: string): Body {
  const { pem, status, mode } = account.get(account.cas, id);
  return {
    certificateDescription: { certificateId: id, certificatePem: pem, status, certificateMode: mode },
  };
}
