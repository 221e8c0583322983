import {
  IoTClient,
  RegisterCertificateWithoutCACommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { boardIdentity, certificateIdOf, otherIdentity } from '../features/binding/testing/signing-board.ts';
import { IotCertificates } from './iot-certificates.ts';
import { type LocalCloud, startLocalCloud } from './testing/local-cloud.ts';

describe('the register of certificates', () => {
  let cloud: LocalCloud;
  let certificates: IotCertificates;
  let factory: IoTClient;
  beforeAll(async () => {
    cloud = await startLocalCloud();
    const settings = { region: cloud.region, endpoint: cloud.iotControlUrl };
    certificates = new IotCertificates(settings);
    factory = new IoTClient(settings);
  }, 30_000);
  afterAll(async () => {
    certificates.close();
    factory.destroy();
    await cloud.stop();
  });

  it('knows a certificate, and that it was revoked', async () => {
    const { certificate: certificatePem } = boardIdentity;
    const certificateId = certificateIdOf(boardIdentity);
    await factory.send(new RegisterCertificateWithoutCACommand({ certificatePem, status: 'ACTIVE' }));
    expect(await certificates.find(certificateId)).toEqual({ pem: certificatePem, active: true });
    await factory.send(new UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' }));
    expect(await certificates.find(certificateId)).toEqual({ pem: certificatePem, active: false });
  });

  it('knows none that was never registered', async () => {
    expect(await certificates.find(certificateIdOf(otherIdentity))).toBeUndefined();
  });

  it('says when it cannot be reached', async () => {
    const away = new IotCertificates({ region: cloud.region, endpoint: 'http://127.0.0.1:1' });
    await expect(away.find('ab'.repeat(32))).rejects.toMatchObject({ code: 'service_unavailable' });
    away.close();
  });
});
