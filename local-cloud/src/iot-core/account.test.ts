import {
  CreateRoleAliasCommand,
  CreateThingCommand,
  DeleteRegistrationCodeCommand,
  DeleteRoleAliasCommand,
  DescribeEndpointCommand,
  DescribeRoleAliasCommand,
  GetRegistrationCodeCommand,
  ListRoleAliasesCommand,
  RegisterCertificateWithoutCACommand,
  ThrottlingException,
  UpdateRoleAliasCommand,
} from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { roleSchema } from '../kernel/iam.ts';
import { type IotCloud, outcomeOf, startIotCloud } from './testing/iot-cloud.ts';

describe('the account', () => {
  let cloud: IotCloud;
  beforeEach(async () => {
    cloud = await startIotCloud();
  });
  afterEach(() => cloud.stop());

  it('names its endpoints with their ports', async () => {
    const address = async (endpointType: string) =>
      (await cloud.client.send(new DescribeEndpointCommand({ endpointType }))).endpointAddress;
    expect(await address('iot:Data-ATS')).toBe('localhost:8883');
    expect(await address('iot:CredentialProvider')).toBe('localhost:8443');
    expect(await address('iot:Jobs')).toBe('localhost:8080');
    expect(await outcomeOf(address('iot:Nothing'))).toBe('InvalidRequestException 400');
  });

  it('keeps its registration code until it is deleted', async () => {
    const code = async () => (await cloud.client.send(new GetRegistrationCodeCommand({}))).registrationCode;
    const first = await code();
    expect(await code()).toBe(first);
    await cloud.client.send(new DeleteRegistrationCodeCommand({}));
    expect(await code()).not.toBe(first);
  });

  it('has role aliases', async () => {
    const roleArn = 'arn:aws:iam::111122223333:role/video';
    const create = (roleAlias: string, credentialDurationSeconds?: number) =>
      cloud.client.send(new CreateRoleAliasCommand({ roleAlias, roleArn, credentialDurationSeconds }));
    const { roleAliasArn } = await create('video');
    expect(roleAliasArn).toBe('arn:aws:iot:eu-central-1:111122223333:rolealias/video');
    expect(await outcomeOf(create('video'))).toBe('ResourceAlreadyExistsException 409');
    expect(await outcomeOf(create('short', 899))).toBe('InvalidRequestException 400');
    expect(await outcomeOf(create('long', 43_201))).toBe('InvalidRequestException 400');
    await cloud.client.send(
      new UpdateRoleAliasCommand({ roleAlias: 'video', credentialDurationSeconds: 900 }),
    );
    const { roleAliasDescription } = await cloud.client.send(
      new DescribeRoleAliasCommand({ roleAlias: 'video' }),
    );
    expect(roleAliasDescription).toMatchObject({
      roleArn,
      credentialDurationSeconds: 900,
      owner: '111122223333',
    });
    expect((await cloud.client.send(new ListRoleAliasesCommand({}))).roleAliases).toEqual(['video']);
    await cloud.client.send(new DeleteRoleAliasCommand({ roleAlias: 'video' }));
    const gone = cloud.client.send(new DescribeRoleAliasCommand({ roleAlias: 'video' }));
    expect(await outcomeOf(gone)).toBe('ResourceNotFoundException 404');
  });

  it("lets a role's temporary key in only where its policy says so", async () => {
    const key = {
      accessKeyId: 'ASIATEST',
      secretAccessKey: 's',
      sessionToken: 'token+/=',
      principal: {
        kind: 'role',
        accessKeyId: 'ASIATEST',
        roleName: 'r',
        thingName: 't',
        certificateId: 'c',
      },
    } as const;
    cloud.environment.accessKeys.add(key);
    const board = cloud.clientOf(key);
    const create = () => outcomeOf(board.send(new CreateThingCommand({ thingName: 'x' })));
    expect(await create()).toBe('AccessDeniedException 403');
    const policyDocument = { Statement: { Effect: 'Allow', Action: 'iot:CreateThing', Resource: '*' } };
    cloud.iam.putRole(roleSchema.parse({ roleName: 'r', policyDocument }));
    expect(await create()).toBe('answered');
  });
});

it("throttles at AWS's default rates", async () => {
  const cloud = await startIotCloud({ throttling: true });
  try {
    const calls = Array.from({ length: 15 }, () =>
      cloud.client
        .send(new RegisterCertificateWithoutCACommand({ certificatePem: 'nothing' }))
        .catch((error: unknown) => error),
    );
    const answers = await Promise.all(calls);
    const refused = answers.filter((answer) => answer instanceof ThrottlingException).length;
    // Ten at once, and one more for each tenth of a second that the calls took.
    expect(refused).toBeGreaterThanOrEqual(3);
    expect(refused).toBeLessThanOrEqual(5);
  } finally {
    await cloud.stop();
  }
});

it('throttles what no quota names like most of the API', async () => {
  const cloud = await startIotCloud({ throttling: true });
  try {
    const calls = Array.from({ length: 20 }, () =>
      outcomeOf(cloud.client.send(new DescribeRoleAliasCommand({ roleAlias: 'none' }))),
    );
    const outcomes = await Promise.all(calls);
    expect(outcomes.filter((outcome) => outcome === 'ThrottlingException 400').length).toBeGreaterThan(0);
    expect(outcomes.filter((outcome) => outcome === 'ResourceNotFoundException 404').length).toBeGreaterThan(
      9,
    );
  } finally {
    await cloud.stop();
  }
});
