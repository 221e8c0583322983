import { constants, createHash, sign, X509Certificate } from 'node:crypto';
import {
  type BindingChallenge,
  type BindingProof,
  bindingChallengeSchema,
  bindingTranscript,
} from '@aovis/contracts/binding-proof';
import type { IotEnvelope } from '@aovis/contracts/http/ingestion';
import { bindingProofTopic } from '@aovis/contracts/topics';
import type { CertificateRegistry } from '../certificate-registry.ts';

/** A key that only tests have, with a certificate that it signed itself; made by openssl. */
export interface TestIdentity {
  privateKey: string;
  certificate: string;
}

/** Signs as a board does, only without looking at what. */
export function signChallenge(
  identity: TestIdentity,
  { thing, challenge }: { thing: string; challenge: unknown },
): BindingProof {
  const certificateId = certificateIdOf(identity);
  const asked: BindingChallenge = bindingChallengeSchema.parse(challenge);
  const transcript = bindingTranscript({ thing, certificateId, challenge: asked });
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const key = identity === rsaIdentity ? { key: identity.privateKey, ...padding } : identity.privateKey;
  return {
    claim_id: asked.claim_id,
    certificate_id: certificateId,
    signature: sign('sha256', transcript, key).toString('base64url'),
  };
}

/** As AWS IoT names certificates. */
export function certificateIdOf({ certificate }: TestIdentity): string {
  return createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
}

/** What the IoT rule makes of a proof. */
export function proofEnvelope(thing: string, payload: BindingProof, receivedAt: Date): IotEnvelope {
  const topic = bindingProofTopic(thing);
  return { kind: 'binding_proof', thing, topic, received_at: receivedAt.getTime(), payload };
}

/** Certificates in memory; `away` makes the register unreachable. */
export class FakeCertificates implements CertificateRegistry {
  away: Error | undefined;
  readonly revoked = new Set<string>();
  readonly #known: Map<string, string>;

  constructor(identities: readonly TestIdentity[]) {
    this.#known = new Map(identities.map((identity) => [certificateIdOf(identity), identity.certificate]));
  }

  async find(certificateId: string) {
    if (this.away !== undefined) throw this.away;
    const pem = this.#known.get(certificateId);
    return pem === undefined ? undefined : { pem, active: !this.revoked.has(certificateId) };
  }
}

export const boardIdentity: TestIdentity = {
  privateKey: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgttQKbaMgs3JiwOWo
FnRKgTQrHKdrykacxwZYJGVlr3KhRANCAAT8KOyDOiC0YMsFt4Yu2Dxe1KNQUfFN
EXmvjXTfeljiN992Hly/fe48nKfvbcAGiurws3XAjVqCZm1IjmoRrjRg
-----END PRIVATE KEY-----
`,
  certificate: `-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUHMzwpJ1mFYcn6vppfNt+haUYIhgwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFYm9hcmQwIBcNMjYxMTIxMDczMTQ4WhgPMjEyNjEwMjgwNzMx
NDhaMBAxDjAMBgNVBAMMBWJvYXJkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
/CjsgzogtGDLBbeGLtg8XtSjUFHxTRF5r41033pY4jffdh5cv33uPJyn723ABorq
8LN1wI1agmZtSI5qEa40YKNTMFEwHQYDVR0OBBYEFJJ33ZClW20q6ULbO5TDRRY2
nazpMB8GA1UdIwQYMBaAFJJ33ZClW20q6ULbO5TDRRY2nazpMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgN4IpON3OqqIAjAlbNvyXety3Q5hl3ptI
Ok3awluHUzcCIQC7XVztRjLJkFHqoF6/HYQ0VnvoDeaZNva0GvmtkycwNQ==
-----END CERTIFICATE-----
`,
};

export const otherIdentity: TestIdentity = {
  privateKey: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPq4IJqGyjsbpWbSs
KDiaGBiH7gz3YYKWmtG3312KxTShRANCAAS9HoT/60BIQG9/sMtUKKfTlkdmEsDD
aAdfKTDaslpB3+pjdDJRhrq6w+QagioDpsjy/vbssZWDJlJx8HTASkID
-----END PRIVATE KEY-----
`,
  certificate: `-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUG/Pu7stXdBMz8bIroJ5sS5klriYwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYxMTIxMDczMTQ4WhgPMjEyNjEwMjgwNzMx
NDhaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
vR6E/+tASEBvf7DLVCin05ZHZhLAw2gHXykw2rJaQd/qY3QyUYa6usPkGoIqA6bI
8v727LGVgyZScfB0wEpCA6NTMFEwHQYDVR0OBBYEFImL+jwij/MzLAKNIFNYFI79
pySbMB8GA1UdIwQYMBaAFImL+jwij/MzLAKNIFNYFI79pySbMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAIy9Pk4VqNy0iKUqSQBE1dXr8PeLBkUm
0wgVKt5wsEGYAiADrDxOjJLaTQJ/DF2SQZvxU7wQjRwRw8C2OerWEjsvWw==
-----END CERTIFICATE-----
`,
};

export const rsaIdentity: TestIdentity = {
  privateKey: `-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDG8Iu81Xh1ELNY
UUUkTl5Er09W40D4mgkGtbSzt8gkTAz+pYpy+qKeyjq4dTffKimKdQUqBnigcpQ0
eitx9t2VQVbYIgAHojuhEC5Q0FSOQARJ+NKQ64Xgw5WYFCwAaJR4HI179fef9Fc6
qXT5upK/bme0ipapSOot5pziGhfSqKuQKVzFqLZlGSJvdeUJx688EvgsyirvXeLm
IHJCHRXoLbpb3uEawnGb5ZoMTR1LKhEMflWXiv+S0MvMBZaoWpem7aWDRdZq6NrC
yBzsDiEIxeNXrc7mPH/XhmoNhDAwWbKMvEuQKYH/vyTamjlNvRbqLqZH/foaei4s
llmNQ0MXAgMBAAECggEAMJ6/eCIv82RmgJI0NMBWd7Dk0hZuXZO/2vzzseybpItV
rbKlmJ46ulYwbb5wLkFur6ET5wZ32rbGE+E71vl/hCfY4q/ElBkJO77pouSXlcB9
i9qdE8AMEzeZyvY7HspwZr6LsZ0WrOgZnYOmzBXWIaUJAW3RjoP8f8VZ2ESKR/h0
CtjPKTjWB1dQGsbnA+srtiZvYDBB4cnBxc2TajHwFCkFp1KL1gcrhP60/Zgh7vCx
Clm7T0x29rbgqyJCWGGZe4LeUlg8yaydEkXGTJ43Zdu0yEakFJT5hCwgMzjdHtqJ
dienRWjiSvJVP0zvncqrGrKBBwe4yAPzEKT+z6PYcQKBgQD92JZATNz8GEKf/q7z
tFz1/3t/wm/SBvMp4GBdcAmqWEg8rzhH5FnYpXxnJKf2bQce4DTiP0Cf7Er9U0qC
2a7O9qr7kxBJ3Oz0Nsck6k23n00DBDDVwMfzMtggGMfBFNrW22UsPxEkSJiOyStp
F9fulntpvbUR0kRnOwbfvWme3wKBgQDIoLB4ziUqKZcEkqUgPyZKSx4uzb2+m2qe
LZMNvmk+ncSh/5FGTKgnOYk2i08rtZwMtEISZDOT4U+N1gpw/nokkrfanoLTJyy/
rZIRx/sRtkTXYDxhUe9krvKYJ8TR0rLILrF7xwwguhj7R0bXU8t5d4Y7kpmXt0Ou
WisYXok6yQKBgD08vLJyWHUwXRI/3HDKOArYQTDG9TbTmmGl0Vl5J7vCZFrPYmJl
gg8zjNlNDH/0OV2HdPqHi82IsWZ/a2A5p2QiOYlLJwjKlRctB8muBGWhtnBd2HIY
eaP/xgeoMrgvkcN3Vebgp//6y2LWwPQvXlYeU1NlAoN0GDBXGwdqqEo9AoGAZAGV
deJsLCQnHyRqIzTXRVlEZlgwKP8XmlllYAh2Nbw28/mM1NoJR+QqPYIbqNISQ1Ln
THueKiy5lx4GfmSbRffMpbE1zUNNzw4aLbrdr+qHTkSuVGSfTDTYwHeyaFT6wUZl
OinyJa4eHcNd0J/4YUfvJWriHPpBRnuz16XoCeECgYEAlsrj9h4GZ4W72fLC/q4W
xUZBp9IAMRZz4qPzmGPxHUTdrU9BnXFfBN/rXUGs962ZBPgoPiZnPyNx2Z/7os2O
EGZP2jWUm0hpiQ5rR0XxOU5M70dxwkbJ2oATpHVJb8DHW7WFYWl0rCUqRonuKpdK
Mai23tMYIOAJkR6SKpXHxfk=
-----END PRIVATE KEY-----
`,
  certificate: `-----BEGIN CERTIFICATE-----
MIIC/zCCAeegAwIBAgIUIZBm9WHaB7mAexDPa7pXK484o6EwDQYJKoZIhvcNAQEL
BQAwDjEMMAoGA1UEAwwDcnNhMCAXDTI2MTEyMTA3MzE0OFoYDzIxMjYxMDI4MDcz
MTQ4WjAOMQwwCgYDVQQDDANyc2EwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEK
AoIBAQDG8Iu81Xh1ELNYUUUkTl5Er09W40D4mgkGtbSzt8gkTAz+pYpy+qKeyjq4
dTffKimKdQUqBnigcpQ0eitx9t2VQVbYIgAHojuhEC5Q0FSOQARJ+NKQ64Xgw5WY
FCwAaJR4HI179fef9Fc6qXT5upK/bme0ipapSOot5pziGhfSqKuQKVzFqLZlGSJv
deUJx688EvgsyirvXeLmIHJCHRXoLbpb3uEawnGb5ZoMTR1LKhEMflWXiv+S0MvM
BZaoWpem7aWDRdZq6NrCyBzsDiEIxeNXrc7mPH/XhmoNhDAwWbKMvEuQKYH/vyTa
mjlNvRbqLqZH/foaei4sllmNQ0MXAgMBAAGjUzBRMB0GA1UdDgQWBBSh84ZXyDxA
vk8aUG0tTx1epeAsIzAfBgNVHSMEGDAWgBSh84ZXyDxAvk8aUG0tTx1epeAsIzAP
BgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQBobMKUwmCvZDv01qKG
Nc5/CLvzytpciSx2FVrBvh24dppFa+KdeZFDOcCOyr8ah+oIgOBcb34Uhg8yc71f
mK2BHQ6JpKUo0ISbl5sUGpDEwlR2mNv6O++I6i3Eu0h6oCrDLj3bAg88mbOvD4EU
r6SOWw8XzUoUcroHN+fM+EboZpbYAQu8t6jBbnC1gkoujaMIsp93uJJotFxONfK7
Q+YuouUOUWq4XjC9qRGZXlYEPDYo4oezd34SRwVtGfMgRxr9BBH9XW6v7JhZ6XgH
P6vy3RjqmIN6NCTzRHs1MaUMjhh1kONRQ5/QGLwyimySnH++tmlqoAwF7sJX8Zr7
8XcF
-----END CERTIFICATE-----
`,
};
