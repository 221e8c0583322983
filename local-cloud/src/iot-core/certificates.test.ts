import 'reflect-metadata';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CertificateConflictException,
  CertificateStateException,
  CertificateValidationException,
  CreateCertificateFromCsrCommand,
  CreateKeysAndCertificateCommand,
  CreatePolicyCommand,
  CreateThingCommand,
  DeleteCACertificateCommand,
  DeleteCertificateCommand,
  DeleteConflictException,
  DescribeCACertificateCommand,
  DescribeCertificateCommand,
  DetachThingPrincipalCommand,
  GetRegistrationCodeCommand,
  ListCACertificatesCommand,
  ListCertificatesByCACommand,
  ListCertificatesCommand,
  paginateListCertificates,
  RegisterCACertificateCommand,
  RegisterCertificateCommand,
  RegisterCertificateWithoutCACommand,
  ResourceAlreadyExistsException,
  UpdateCACertificateCommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { FactoryCa, generateKeys, p256, rsa } from './testing/factory-ca.ts';
import { type IotCloud, outcomeOf, startIotCloud } from './testing/iot-cloud.ts';

const dayMs = 86_400_000;

describe('certificates', () => {
  let cloud: IotCloud;
  let ca: FactoryCa;
  beforeEach(async () => {
    cloud = await startIotCloud();
    ca = await FactoryCa.create();
  });
  afterEach(() => cloud.stop());

  const registerCa = async (authority = ca, more = {}): Promise<string> => {
    const { certificateId = '' } = await cloud.client.send(
      new RegisterCACertificateCommand({
        caCertificate: authority.pem,
        certificateMode: 'SNI_ONLY',
        setAsActive: true,
        ...more,
      }),
    );
    return certificateId;
  };
  const register = (certificatePem: string, more = {}) =>
    cloud.client.send(new RegisterCertificateCommand({ certificatePem, ...more }));

  describe('authorities', () => {
    it('prove possession by a certificate on the registration code in DEFAULT mode', async () => {
      const { registrationCode = '' } = await cloud.client.send(new GetRegistrationCodeCommand({}));
      expect(registrationCode).toMatch(/^[0-9a-f]{64}$/);
      const attempt = async (verification: string | undefined) =>
        outcomeOf(
          cloud.client.send(
            new RegisterCACertificateCommand({
              caCertificate: ca.pem,
              verificationCertificate: verification,
            }),
          ),
        );
      const stranger = await FactoryCa.create();
      expect(await attempt(undefined)).toBe('CertificateValidationException 400');
      expect(await attempt((await stranger.issue(registrationCode)).certificatePem)).toBe(
        'CertificateValidationException 400',
      );
      expect(await attempt((await ca.issue('wrong')).certificatePem)).toBe(
        'RegistrationCodeValidationException 400',
      );
      expect(await attempt((await ca.issue(registrationCode)).certificatePem)).toBe('answered');
      const { certificates = [] } = await cloud.client.send(new ListCACertificatesCommand({}));
      const { certificateDescription } = await cloud.client.send(
        new DescribeCACertificateCommand({ certificateId: certificates[0]?.certificateId }),
      );
      expect(certificateDescription).toMatchObject({
        status: 'INACTIVE',
        certificateMode: 'DEFAULT',
        autoRegistrationStatus: 'DISABLE',
        ownedBy: '111122223333',
      });
    });

    it('are registered once, switched, and deleted only when INACTIVE', async () => {
      const certificateId = await registerCa();
      expect(certificateId).toBe(
        new X509Certificate(ca.pem).fingerprint256.replaceAll(':', '').toLowerCase(),
      );
      await expect(registerCa()).rejects.toThrow(ResourceAlreadyExistsException);
      const remove = () => cloud.client.send(new DeleteCACertificateCommand({ certificateId }));
      await expect(remove()).rejects.toThrow(CertificateStateException);
      await cloud.client.send(
        new UpdateCACertificateCommand({
          certificateId,
          newStatus: 'INACTIVE',
          newAutoRegistrationStatus: 'ENABLE',
        }),
      );
      const { certificateDescription } = await cloud.client.send(
        new DescribeCACertificateCommand({ certificateId }),
      );
      expect(certificateDescription).toMatchObject({ status: 'INACTIVE', autoRegistrationStatus: 'ENABLE' });
      await remove();
      expect(await outcomeOf(remove())).toBe('ResourceNotFoundException 404');
    });

    it('must be authorities, in date, and at most ten of one subject', async () => {
      const outcome = async (authority: FactoryCa) => outcomeOf(registerCa(authority));
      expect(await outcome(await FactoryCa.create('CN=No CA', { isCa: false }))).toBe(
        'CertificateValidationException 400',
      );
      expect(await outcome(await FactoryCa.create('CN=Old', { notAfter: new Date(Date.now() - 1000) }))).toBe(
        'CertificateValidationException 400',
      );
      for (let i = 0; i < 10; i++) await registerCa(await FactoryCa.create('CN=Same'));
      expect(await outcome(await FactoryCa.create('CN=Same'))).toBe('LimitExceededException 410');
    });
  });

  describe('RegisterCertificate', () => {
    it('takes a leaf of an ACTIVE registered authority, once', async () => {
      const caCertificateId = await registerCa();
      const { certificatePem } = await ca.issue('aovis-n4k-000001');
      const leaf = new X509Certificate(certificatePem);
      const id = leaf.fingerprint256.replaceAll(':', '').toLowerCase();
      const answer = await register(certificatePem, { status: 'ACTIVE' });
      const certificateArn = `arn:aws:iot:eu-central-1:111122223333:cert/${id}`;
      expect(answer).toMatchObject({ certificateId: id, certificateArn });
      await expect(register(certificatePem)).rejects.toMatchObject({
        name: 'ResourceAlreadyExistsException',
        message: 'The certificate is already provisioned or registered',
        resourceId: id,
        resourceArn: certificateArn,
      });
      const { certificateDescription } = await cloud.client.send(
        new DescribeCertificateCommand({ certificateId: id }),
      );
      expect(certificateDescription).toMatchObject({
        status: 'ACTIVE',
        caCertificateId,
        certificateMode: 'SNI_ONLY',
        validity: { notBefore: leaf.validFromDate, notAfter: leaf.validToDate },
      });
      expect(new X509Certificate(certificateDescription?.certificatePem ?? '').raw).toEqual(leaf.raw);
      expect(certificateDescription?.creationDate?.getTime()).toBeGreaterThan(Date.now() - 60_000);
      const byCa = await cloud.client.send(new ListCertificatesByCACommand({ caCertificateId }));
      expect(byCa.certificates?.map(({ certificateId }) => certificateId)).toEqual([id]);
    });

    it('is INACTIVE unless asked otherwise, and refuses statuses that are not the caller’s', async () => {
      await registerCa();
      const { certificateId } = await register((await ca.issue('a')).certificatePem);
      const { certificateDescription } = await cloud.client.send(
        new DescribeCertificateCommand({ certificateId }),
      );
      expect(certificateDescription?.status).toBe('INACTIVE');
      const pending = register((await ca.issue('b')).certificatePem, { status: 'PENDING_ACTIVATION' });
      expect(await outcomeOf(pending)).toBe('InvalidRequestException 400');
      const { certificateId: active } = await register((await ca.issue('c')).certificatePem, {
        setAsActive: true,
      });
      expect(cloud.iotCore.registry.findCertificate(active ?? '')?.status).toBe('ACTIVE');
    });

    it('refuses without the authority, with an INACTIVE one, and with one of the same name that did not sign', async () => {
      const { certificatePem } = await ca.issue('a');
      await expect(register(certificatePem)).rejects.toThrow(CertificateValidationException);
      const namesake = await FactoryCa.create();
      await registerCa(namesake);
      await expect(register(certificatePem)).rejects.toThrow(CertificateValidationException);
      const caCertificateId = await registerCa();
      await expect(register(certificatePem)).rejects.toThrow(CertificateConflictException);
      await cloud.client.send(
        new UpdateCACertificateCommand({ certificateId: caCertificateId, newStatus: 'INACTIVE' }),
      );
      await expect(register(certificatePem, { caCertificatePem: ca.pem })).rejects.toThrow(
        CertificateStateException,
      );
      await cloud.client.send(
        new UpdateCACertificateCommand({ certificateId: caCertificateId, newStatus: 'ACTIVE' }),
      );
      await register(certificatePem, { caCertificatePem: ca.pem });
    });
  });

  it('refuses what AWS refuses: weak keys, weak signatures, other dates, no certificate', async () => {
    const outcome = async (pem: string) =>
      outcomeOf(cloud.client.send(new RegisterCertificateWithoutCACommand({ certificatePem: pem })));
    const weakKey = await ca.issue('a', { algorithm: rsa(1024) });
    const otherCurve = await ca.issue('a', { algorithm: rsa(2048) });
    const sha1 = await (await FactoryCa.create('CN=Old', { algorithm: rsa(2048, 'SHA-1') })).issue('a');
    const expired = await ca.issue('a', { notAfter: new Date(Date.now() - 1000) });
    const early = await ca.issue('a', { notBefore: new Date(Date.now() + dayMs) });
    expect(await outcome(weakKey.certificatePem)).toBe('CertificateValidationException 400');
    expect(await outcome(otherCurve.certificatePem)).toBe('answered');
    expect(await outcome(sha1.certificatePem)).toBe('CertificateValidationException 400');
    expect(await outcome(expired.certificatePem)).toBe('CertificateValidationException 400');
    expect(await outcome(early.certificatePem)).toBe('CertificateValidationException 400');
    expect(await outcome('no certificate')).toBe('CertificateValidationException 400');
    expect(await outcome('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).toBe(
      'CertificateValidationException 400',
    );
  });

  it('issues keys and certificates that Node and an independent parser accept', async () => {
    const made = await cloud.client.send(new CreateKeysAndCertificateCommand({ setAsActive: true }));
    const leaf = new X509Certificate(made.certificatePem ?? '');
    const root = new X509Certificate(cloud.environment.pki.rootCaPem);
    expect(leaf.checkPrivateKey(createPrivateKey(made.keyPair?.PrivateKey ?? ''))).toBe(true);
    expect(leaf.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(leaf.publicKey.export({ type: 'spki', format: 'pem' })).toBe(made.keyPair?.PublicKey);
    expect(leaf.checkIssued(root) && leaf.verify(root.publicKey)).toBe(true);
    const parsed = new x509.X509Certificate(made.certificatePem ?? '');
    const issuer = new x509.X509Certificate(root.toString());
    expect(await parsed.verify({ publicKey: issuer })).toBe(true);
    expect(made.certificateId).toBe(leaf.fingerprint256.replaceAll(':', '').toLowerCase());
    expect(cloud.iotCore.registry.findCertificate(made.certificateId ?? '')?.status).toBe('ACTIVE');
  });

  it('signs a request whose signature shows the key, each time anew', async () => {
    const keys = await generateKeys();
    const csr = await x509.Pkcs10CertificateRequestGenerator.create({
      name: 'CN=aovis-n4k-000007',
      keys,
      signingAlgorithm: p256,
    });
    const create = (certificateSigningRequest: string) =>
      cloud.client.send(new CreateCertificateFromCsrCommand({ certificateSigningRequest }));
    const first = await create(csr.toString('pem'));
    const second = await create(csr.toString('pem'));
    expect(first.certificateId).not.toBe(second.certificateId);
    const leaf = new x509.X509Certificate(first.certificatePem ?? '');
    expect(leaf.subject).toBe('CN=aovis-n4k-000007');
    expect(Buffer.from(leaf.publicKey.rawData)).toEqual(Buffer.from(csr.publicKey.rawData));
    const forged = Buffer.from(csr.rawData);
    forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
    const bad = x509.PemConverter.encode(forged, 'CERTIFICATE REQUEST');
    expect(await outcomeOf(create(bad))).toBe('CertificateValidationException 400');
    expect(await outcomeOf(create('nothing'))).toBe('CertificateValidationException 400');
    const weak = await x509.Pkcs10CertificateRequestGenerator.create({
      name: 'CN=weak',
      keys: await generateKeys(rsa(1024)),
      signingAlgorithm: rsa(1024),
    });
    expect(await outcomeOf(create(weak.toString('pem')))).toBe('CertificateValidationException 400');
  });

  it('deletes a certificate only when INACTIVE and detached', async () => {
    const { certificateId = '', certificateArn = '' } = await cloud.client.send(
      new CreateKeysAndCertificateCommand({ setAsActive: true }),
    );
    const policyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'iot:*', Resource: '*' }],
    });
    await cloud.client.send(new CreatePolicyCommand({ policyName: 'p', policyDocument }));
    await cloud.client.send(new AttachPolicyCommand({ policyName: 'p', target: certificateArn }));
    await cloud.client.send(new CreateThingCommand({ thingName: 't' }));
    await cloud.client.send(new AttachThingPrincipalCommand({ thingName: 't', principal: certificateArn }));
    const remove = (forceDelete = false) =>
      cloud.client.send(new DeleteCertificateCommand({ certificateId, forceDelete }));
    await expect(remove()).rejects.toThrow(CertificateStateException);
    await cloud.client.send(new UpdateCertificateCommand({ certificateId, newStatus: 'INACTIVE' }));
    await expect(remove(true)).rejects.toThrow(DeleteConflictException);
    await cloud.client.send(new DetachThingPrincipalCommand({ thingName: 't', principal: certificateArn }));
    await expect(remove()).rejects.toThrow(DeleteConflictException);
    const deleted: string[] = [];
    cloud.iotCore.registry.changes.on('certificateDeleted', (id) => deleted.push(id));
    await remove(true);
    expect(deleted).toEqual([certificateId]);
    expect(await outcomeOf(remove())).toBe('ResourceNotFoundException 404');
  });

  it('tells followers of a changed status', async () => {
    const { certificateId = '' } = await cloud.client.send(
      new CreateKeysAndCertificateCommand({ setAsActive: true }),
    );
    const statuses: string[] = [];
    cloud.iotCore.registry.changes.on('certificate', ({ status }) => statuses.push(status));
    await cloud.client.send(new UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' }));
    expect(statuses).toEqual(['REVOKED']);
    cloud.environment.store.reset();
    const gone: string[] = [];
    cloud.iotCore.registry.changes.on('certificateDeleted', (id) => gone.push(id));
    cloud.iotCore.reset();
    expect(gone).toEqual([certificateId]);
  });

  it('registers just in time for an authority that asks for it, and for no other', async () => {
    const { certificatePem } = await ca.issue('board');
    const { registry } = cloud.iotCore;
    expect(registry.registerJustInTime(certificatePem)).toBeUndefined();
    const caCertificateId = await registerCa(ca, { allowAutoRegistration: true });
    const record = registry.registerJustInTime(certificatePem);
    expect(record).toMatchObject({ status: 'PENDING_ACTIVATION', caCertificateId });
    expect(registry.registerJustInTime(certificatePem)).toBeUndefined();
    const expired = await ca.issue('old', { notAfter: new Date(Date.now() - 1000) });
    expect(registry.registerJustInTime(expired.certificatePem)).toBeUndefined();
  });

  it('lists page by page, in either direction', async () => {
    for (let i = 0; i < 7; i++)
      await cloud.client.send(
        new RegisterCertificateWithoutCACommand({ certificatePem: (await ca.issue(`b${i}`)).certificatePem }),
      );
    const ids: (string | undefined)[] = [];
    let pages = 0;
    const asked = { ascendingOrder: true };
    for await (const page of paginateListCertificates({ client: cloud.client, pageSize: 3 }, asked)) {
      pages += 1;
      ids.push(...(page.certificates ?? []).map(({ certificateId }) => certificateId));
    }
    expect([pages, new Set(ids).size]).toEqual([3, 7]);
    const { certificates = [] } = await cloud.client.send(new ListCertificatesCommand({ pageSize: 10 }));
    expect(certificates.map(({ certificateId }) => certificateId)).toEqual(ids.toReversed());
    const broken = cloud.client.send(new ListCertificatesCommand({ marker: 'nonsense' }));
    expect(await outcomeOf(broken)).toBe('InvalidRequestException 400');
  });
});
