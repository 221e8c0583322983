import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreatePolicyCommand,
  CreateRoleAliasCommand,
  CreateThingCommand,
  CreateThingTypeCommand,
  DescribeThingCommand,
  type IoTClient,
  RegisterCertificateWithoutCACommand,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryCa } from '../iot-core/testing/factory-ca.ts';
import { type IotCloud, outcomeOf, startIotCloud } from '../iot-core/testing/iot-cloud.ts';
import { roleSchema } from '../kernel/iam.ts';
import { AccessKeys } from '../kernel/principal.ts';
import { CredentialProvider } from './server.ts';

const thing = 'aovis-n4k-000001';
const role = 'arn:aws:iam::111122223333:role/board';
const aliasArn = (alias: string) => `arn:aws:iot:eu-central-1:111122223333:rolealias/${alias}`;

interface Board {
  certificatePem: string;
  keyPem: string;
}
interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: {
    message?: string;
    credentials?: Record<'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration', string>;
  };
}

describe('the credential provider', () => {
  let cloud: IotCloud;
  let provider: CredentialProvider;
  let ca: FactoryCa;
  let board: Board;
  let client: IoTClient;

  beforeEach(async () => {
    cloud = await startIotCloud();
    client = cloud.client;
    provider = new CredentialProvider(cloud.environment, cloud.iam, cloud.iotCore, 0);
    await provider.start();
    ca = await FactoryCa.create();
    board = await ca.issue(thing);
    await client.send(new CreateThingTypeCommand({ thingTypeName: 'camera' }));
    await client.send(new CreateThingCommand({ thingName: thing, thingTypeName: 'camera' }));
    await client.send(
      new CreatePolicyCommand({
        policyName: 'board',
        policyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: ['video', 'no-alias', 'no-role', 'too-long'].map((alias) => ({
            Effect: 'Allow',
            Action: 'iot:AssumeRoleWithCertificate',
            Resource: aliasArn(alias),
          })),
        }),
      }),
    );
    await register(board, 'ACTIVE');
    await client.send(new CreateRoleAliasCommand({ roleAlias: 'video', roleArn: role }));
    putRole();
  });

  afterEach(async () => {
    await provider.stop();
    await cloud.stop();
  });

  function putRole(more: Record<string, unknown> = {}): void {
    const policyDocument = {
      Statement: [
        {
          Effect: 'Allow',
          Action: 'iot:DescribeThing',
          Resource: '*',
          Condition: { StringEquals: { 'credentials-iot:ThingTypeName': 'camera' } },
        },
      ],
    };
    cloud.iam.putRole(roleSchema.parse({ roleName: 'board', policyDocument, ...more }));
  }

  async function register({ certificatePem }: Board, status: 'ACTIVE' | 'INACTIVE'): Promise<string> {
    const { certificateArn = '', certificateId = '' } = await client.send(
      new RegisterCertificateWithoutCACommand({ certificatePem, status }),
    );
    await client.send(new AttachPolicyCommand({ policyName: 'board', target: certificateArn }));
    await client.send(new AttachThingPrincipalCommand({ thingName: thing, principal: certificateArn }));
    return certificateId;
  }

  async function ask(
    { alias = 'video', as = board as Board | null, thingName = thing as string | null } = {},
    { path = `/role-aliases/${alias}/credentials` } = {},
  ): Promise<Answer> {
    const call = request({
      host: 'localhost',
      port: provider.port,
      path,
      ca: cloud.environment.pki.rootCaPem,
      agent: false,
      ...(as === null ? {} : { cert: as.certificatePem, key: as.keyPem }),
      headers: thingName === null ? {} : { 'x-amzn-iot-thingname': thingName },
    });
    const answered = once(call, 'response') as Promise<[IncomingMessage]>;
    call.end();
    const [response] = await answered;
    const body = JSON.parse(await text(response)) as Answer['body'];
    return { status: response.statusCode, headers: response.headers, body };
  }
  const refusal = async (...how: Parameters<typeof ask>) => {
    const { status, headers, body } = await ask(...how);
    return [status, headers['x-amzn-errortype'], body.message];
  };

  it('gives credentials in AWS’s shape, which other services then know as this board’s', async () => {
    const { status, headers, body } = await ask();
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    expect(headers['x-amzn-requestid']).toBeDefined();
    const credentials = body.credentials;
    expect(credentials?.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(credentials?.secretAccessKey).toHaveLength(40);
    expect(credentials?.expiration).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const seconds = (Date.parse(credentials?.expiration ?? '') - Date.now()) / 1000;
    expect(Math.abs(seconds - 3600)).toBeLessThan(30);
    const certificateId = createHash('sha256')
      .update(new X509Certificate(board.certificatePem).raw)
      .digest('hex');
    expect(cloud.environment.accessKeys.find(credentials?.accessKeyId ?? '')?.principal).toMatchObject({
      kind: 'role',
      roleName: 'board',
      thingName: thing,
      thingTypeName: 'camera',
      certificateId,
    });
  });

  it('has thing variables only where the thing was named', async () => {
    const call = async (thingName: string | null) => {
      const { credentials } = (await ask({ thingName })).body;
      if (credentials === undefined) throw new Error('no credentials');
      const { expiration: _, ...key } = credentials;
      const signer = cloud.clientOf(key);
      return outcomeOf(signer.send(new DescribeThingCommand({ thingName: thing })));
    };
    expect(await call(thing)).toBe('answered');
    expect(await call(null)).toBe('AccessDeniedException 403');
  });

  it('refuses with AWS’s words, in AWS’s order: thing, policy, alias, role', async () => {
    const denied = [403, 'AccessDeniedException'];
    expect(await refusal({ thingName: 'aovis-n4k-000002', alias: 'unlisted' })).toEqual([
      ...denied,
      'Invalid thing name passed',
    ]);
    expect(await refusal({ alias: 'unlisted' })).toEqual([...denied, 'Access Denied']);
    expect((await refusal({ alias: 'no-alias' })).toSpliced(1, 1)).toEqual([
      404,
      'Role alias does not exist',
    ]);
    const roleArn = role.replace('board', 'missing');
    await client.send(new CreateRoleAliasCommand({ roleAlias: 'no-role', roleArn }));
    const cannot = [400, 'Unable to assume the role, or the role to assume does not exist'];
    expect((await refusal({ alias: 'no-role' })).toSpliced(1, 1)).toEqual(cannot);
    await client.send(
      new CreateRoleAliasCommand({ roleAlias: 'too-long', roleArn: role, credentialDurationSeconds: 3601 }),
    );
    expect((await refusal({ alias: 'too-long' })).toSpliced(1, 1)).toEqual([
      400,
      'The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role',
    ]);
    putRole({ maxSessionSeconds: 7200 });
    expect((await ask({ alias: 'too-long' })).status).toBe(200);
    putRole({ trust: ['ec2.amazonaws.com'] });
    expect((await refusal()).toSpliced(1, 1)).toEqual(cannot);
    expect((await refusal({}, { path: '/elsewhere' }))[0]).toBe(404);
  });

  it('ends the connection of certificates that are not registered and ACTIVE, or out of date', async () => {
    await expect(ask({ as: null })).rejects.toThrow();
    await expect(ask({ as: await ca.issue('stranger') })).rejects.toThrow();
    const inactive = await ca.issue('inactive');
    const certificateId = await register(inactive, 'INACTIVE');
    await expect(ask({ as: inactive })).rejects.toThrow();
    await client.send(new UpdateCertificateCommand({ certificateId, newStatus: 'ACTIVE' }));
    expect((await ask({ as: inactive })).status).toBe(200);
    cloud.environment.clock.shift(40 * 86_400_000);
    await expect(ask()).rejects.toThrow();
  });

  it('keeps its keys valid over a restart of the stand-in, and can end them', async () => {
    const { credentials } = (await ask()).body;
    const id = credentials?.accessKeyId ?? '';
    await provider.stop();
    const accessKeys = new AccessKeys();
    provider = new CredentialProvider({ ...cloud.environment, accessKeys }, cloud.iam, cloud.iotCore, 0);
    await provider.start();
    expect(accessKeys.find(id)?.secretAccessKey).toBe(credentials?.secretAccessKey);
    const route = (path: string) => provider.adminRoutes.find((one) => one.path === path);
    const request = { params: {}, query: new URLSearchParams(), body: undefined };
    expect(JSON.stringify(route('/_local/credentials')?.handle(request))).not.toContain(
      credentials?.secretAccessKey,
    );
    expect(route('/_local/credentials/expire')?.handle(request)).toEqual({ expired: 1 });
    expect(accessKeys.find(id)?.expiresAt).toBeLessThanOrEqual(Date.now());
  });

  it('does what faults say', async () => {
    const { faults } = cloud.environment;
    faults.add({ service: 'credential-provider', effect: { kind: 'custom', name: 'deny' }, times: 1 });
    expect(await refusal()).toEqual([403, 'AccessDeniedException', 'Access Denied']);
    faults.add({
      service: 'credential-provider',
      subject: thing,
      effect: { kind: 'error', status: 500, code: 'InternalFailureException', message: 'broken' },
      times: 1,
    });
    expect(await refusal()).toEqual([500, 'InternalFailureException', 'broken']);
    faults.add({
      service: 'credential-provider',
      effect: { kind: 'custom', name: 'short-lived', value: 5 },
      times: 1,
    });
    const { credentials } = (await ask()).body;
    expect(Date.parse(credentials?.expiration ?? '') - Date.now()).toBeLessThanOrEqual(5000);
    for (const kind of ['drop', 'lose-answer'] as const) {
      faults.add({ service: 'credential-provider', effect: { kind }, times: 1 });
      await expect(ask()).rejects.toThrow();
    }
    expect((await ask()).status).toBe(200);
  });
});
