import { X509Certificate } from 'node:crypto';
import {
  CreatePolicyCommand,
  CreateThingTypeCommand,
  DescribeCertificateCommand,
  DescribeThingCommand,
  IoTClient,
  ListAttachedPoliciesCommand,
  ListThingPrincipalsCommand,
} from '@aws-sdk/client-iot';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CsrRefused } from '../features/line/line-registry.ts';
import { IotLineRegistry } from './iot-line-registry.ts';
import { type LocalCloud, startLocalCloud } from './testing/local-cloud.ts';

/** EC P-256, CN=board; made by `openssl req -new`. */
const csr = `-----BEGIN CERTIFICATE REQUEST-----
MIHLMHICAQAwEDEOMAwGA1UEAwwFYm9hcmQwWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAAQOW6xVnU7wlgzE/hNMRC6EvVKuMimV86sa5KiL/WzTwE3RHX6LzbMeJDyA
ChOJ6XsXkpjKJQnmH3jS9JnKhwTToAAwCgYIKoZIzj0EAwIDSQAwRgIhALlpvwm1
FOCdR2acwtBkJgmPuliXWqqGvJoepYjjv+5uAiEA3EAnAWgnZJwGIl/Yl2RASiJv
6uYGg+6r5G1XvuR9AFI=
-----END CERTIFICATE REQUEST-----
`;

describe('identities of the line API', () => {
  let cloud: LocalCloud;
  let registry: IotLineRegistry;
  let iot: IoTClient;
  beforeAll(async () => {
    cloud = await startLocalCloud();
    const settings = { region: cloud.region, endpoint: cloud.iotControlUrl };
    registry = new IotLineRegistry({ ...settings, policyName: 'aovis-board', thingType: 'aovis-camera' });
    iot = new IoTClient(settings);
    const policyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'iot:Connect', Resource: '*' }],
    });
    await iot.send(new CreatePolicyCommand({ policyName: 'aovis-board', policyDocument }));
    await iot.send(new CreateThingTypeCommand({ thingTypeName: 'aovis-camera' }));
  }, 30_000);
  afterAll(async () => {
    registry.close();
    iot.destroy();
    await cloud.stop();
  });

  const statusOf = async (certificateId: string) =>
    (await iot.send(new DescribeCertificateCommand({ certificateId }))).certificateDescription?.status;

  it('makes a thing and an inactive certificate that it alone may use, activates and revokes', async () => {
    const thingName = 'aovis-n4k-000001';
    await registry.ensureThing(thingName, { serial: 'N4K-000001', batch: 'B1' });
    await registry.ensureThing(thingName, { serial: 'N4K-000001', batch: 'B2' });
    const made = await registry.createCertificate(undefined);
    expect(made.privateKeyPem).toContain('PRIVATE KEY');
    expect(await statusOf(made.certificateId)).toBe('INACTIVE');
    await registry.attach(thingName, made.certificateArn);
    await registry.attach(thingName, made.certificateArn);
    const thing = await iot.send(new DescribeThingCommand({ thingName }));
    expect(thing).toMatchObject({ thingTypeName: 'aovis-camera', attributes: { batch: 'B2' } });
    const { principals } = await iot.send(new ListThingPrincipalsCommand({ thingName }));
    expect(principals).toEqual([made.certificateArn]);
    const { policies } = await iot.send(new ListAttachedPoliciesCommand({ target: made.certificateArn }));
    expect(policies).toMatchObject([{ policyName: 'aovis-board' }]);
    await registry.activate(made.certificateId);
    expect(await statusOf(made.certificateId)).toBe('ACTIVE');
    await registry.revoke(made.certificateId);
    expect(await statusOf(made.certificateId)).toBe('REVOKED');
    await registry.revoke('ab'.repeat(32));
  });

  it('certifies the key of a request, and refuses one that is changed', async () => {
    const made = await registry.createCertificate(csr);
    expect(made.privateKeyPem).toBeUndefined();
    expect(new X509Certificate(made.certificatePem).publicKey.asymmetricKeyType).toBe('ec');
    const lines = csr.split('\n');
    const changed = [
      lines[0],
      lines[1],
      `${lines[2]?.slice(0, 20)}AAAA${lines[2]?.slice(24)}`,
      ...lines.slice(3),
    ];
    await expect(registry.createCertificate(changed.join('\n'))).rejects.toBeInstanceOf(CsrRefused);
  });

  it('says when it cannot be reached', async () => {
    const away = new IotLineRegistry({
      region: cloud.region,
      endpoint: 'http://127.0.0.1:1',
      policyName: 'p',
      thingType: 't',
    });
    await expect(away.activate('ab'.repeat(32))).rejects.toMatchObject({ code: 'service_unavailable' });
    away.close();
  });
});
