import {
  IllegalArgumentException,
  InvalidPaginationTokenException,
  ListServiceQuotasCommand,
  NoSuchResourceException,
  paginateListServiceQuotas,
  type ServiceQuota,
  ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Iam, roleSchema } from '../kernel/iam.ts';
import type { Environment } from '../kernel/service.ts';
import { accountKey, createTestEnvironment } from '../kernel/testing/test-environment.ts';
import { iotCoreCodes } from './iot-core-codes.ts';
import { ServiceQuotas } from './server.ts';

let environment: Environment & { dispose(): void };
let iam: Iam;
let service: ServiceQuotas;
const clients: ServiceQuotasClient[] = [];

beforeEach(async () => {
  environment = await createTestEnvironment();
  iam = new Iam(environment.store, environment.accountId);
  service = new ServiceQuotas(environment, {
    authorize: (...call) => iam.authorize(...call),
    iotCore: { ...Object.fromEntries(Object.keys(iotCoreCodes).map((name) => [name, 10])), AttachPolicy: 15 },
  });
  await service.start();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await service.stop();
  environment.dispose();
});

function client(credentials: { accessKeyId: string; secretAccessKey: string } = accountKey) {
  const made = new ServiceQuotasClient({
    region: environment.region,
    endpoint: service.url,
    credentials,
    maxAttempts: 1,
  });
  clients.push(made);
  return made;
}

async function all(pageSize: number): Promise<ServiceQuota[]> {
  const quotas: ServiceQuota[] = [];
  for await (const page of paginateListServiceQuotas(
    { client: client(), pageSize },
    { ServiceCode: 'iotcore' },
  ))
    quotas.push(...(page.Quotas ?? []));
  return quotas;
}

describe('quotas of AWS IoT Core', () => {
  it('are what the stand-in admits, under the names and codes of AWS', async () => {
    const quotas = await all(100);
    expect(quotas).toHaveLength(Object.keys(iotCoreCodes).length);
    expect(quotas.find(({ QuotaName }) => QuotaName === 'AttachPolicy API TPS')).toEqual({
      ServiceCode: 'iotcore',
      ServiceName: 'AWS IoT Core',
      QuotaArn: 'arn:aws:servicequotas:eu-central-1:111122223333:iotcore/L-CA7D4E3E',
      QuotaCode: 'L-CA7D4E3E',
      QuotaName: 'AttachPolicy API TPS',
      Value: 15,
      Unit: 'None',
      Adjustable: true,
      GlobalQuota: false,
      QuotaAppliedAtLevel: 'ACCOUNT',
    });
  });

  it('come in pages, each once', async () => {
    const codes = (await all(7)).map(({ QuotaCode }) => QuotaCode);
    expect(codes).toEqual(Object.values(iotCoreCodes));
  });

  it('refuses other services, sizes and tokens', async () => {
    const ask = (input: { ServiceCode: string; MaxResults?: number; NextToken?: string }) =>
      client().send(new ListServiceQuotasCommand(input));
    await expect(ask({ ServiceCode: 'ec2' })).rejects.toBeInstanceOf(NoSuchResourceException);
    await expect(ask({ ServiceCode: 'iotcore', MaxResults: 101 })).rejects.toBeInstanceOf(
      IllegalArgumentException,
    );
    await expect(ask({ ServiceCode: 'iotcore', NextToken: 'bm8=' })).rejects.toBeInstanceOf(
      InvalidPaginationTokenException,
    );
  });

  it('are shown to roles that may see them', async () => {
    const roleKey = { accessKeyId: 'ASIATESTROLE00000000', secretAccessKey: 'secretOfTheRole' };
    environment.accessKeys.add({
      ...roleKey,
      principal: {
        kind: 'role',
        accessKeyId: roleKey.accessKeyId,
        roleName: 'station',
        thingName: undefined,
        certificateId: '',
      },
    });
    const ask = () => client(roleKey).send(new ListServiceQuotasCommand({ ServiceCode: 'iotcore' }));
    await expect(ask()).rejects.toMatchObject({ name: 'AccessDeniedException' });
    const allowed = { Effect: 'Allow', Action: 'servicequotas:ListServiceQuotas', Resource: '*' };
    iam.putRole(roleSchema.parse({ roleName: 'station', policyDocument: { Statement: allowed } }));
    expect((await ask()).Quotas?.length).toBeGreaterThan(0);
  });

  it('answer on the JSON 1.1 wire', async () => {
    const answer = await fetch(service.url, {
      method: 'POST',
      headers: { 'x-amz-target': 'ServiceQuotasV20190624.ListServiceQuotas' },
      body: '{"ServiceCode":"iotcore"}',
    });
    expect(answer.headers.get('content-type')).toBe('application/x-amz-json-1.1');
    expect(await answer.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' });
  });
});
