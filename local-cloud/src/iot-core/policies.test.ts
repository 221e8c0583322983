import {
  AddThingToThingGroupCommand,
  AttachPolicyCommand,
  AttachPrincipalPolicyCommand,
  AttachThingPrincipalCommand,
  CreateKeysAndCertificateCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateThingCommand,
  CreateThingGroupCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DetachPolicyCommand,
  DetachPrincipalPolicyCommand,
  GetEffectivePoliciesCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  ListAttachedPoliciesCommand,
  ListPoliciesCommand,
  ListPolicyPrincipalsCommand,
  ListPolicyVersionsCommand,
  ListPrincipalPoliciesCommand,
  ListTargetsForPolicyCommand,
  SetDefaultPolicyVersionCommand,
} from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type IotCloud, outcomeOf, startIotCloud } from './testing/iot-cloud.ts';

const document = (Action: string, Effect = 'Allow'): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect, Action, Resource: '*' }] });

describe('policies', () => {
  let cloud: IotCloud;
  let certificateArn: string;
  let certificateId: string;
  let changed: string[][];

  beforeEach(async () => {
    cloud = await startIotCloud();
    const made = await cloud.client.send(new CreateKeysAndCertificateCommand({ setAsActive: true }));
    ({ certificateArn = '', certificateId = '' } = made);
    changed = [];
    cloud.iotCore.registry.changes.on('policies', (ids) => changed.push(ids));
  });
  afterEach(() => cloud.stop());

  const create = (policyName: string, policyDocument = document('iot:Connect')) =>
    cloud.client.send(new CreatePolicyCommand({ policyName, policyDocument }));
  const version = (policyName: string, policyDocument: string, setAsDefault = false) =>
    cloud.client.send(new CreatePolicyVersionCommand({ policyName, policyDocument, setAsDefault }));
  const attach = (policyName: string, target = certificateArn) =>
    cloud.client.send(new AttachPolicyCommand({ policyName, target }));

  it('are created once, with version 1', async () => {
    expect(await create('p')).toMatchObject({
      policyArn: 'arn:aws:iot:eu-central-1:111122223333:policy/p',
      policyVersionId: '1',
    });
    await expect(create('p')).rejects.toMatchObject({
      name: 'ResourceAlreadyExistsException',
      message: 'Policy cannot be created - name already exists (name=p)',
    });
    const { policies } = await cloud.client.send(new ListPoliciesCommand({}));
    expect(policies?.map(({ policyName }) => policyName)).toEqual(['p']);
  });

  it('are well formed and short: white space does not count', async () => {
    const outcome = (text: string) => outcomeOf(create('p', text));
    expect(await outcome('{')).toBe('MalformedPolicyException 400');
    expect(await outcome('{"Version":"2012-10-17","Statement":[]}')).toBe('MalformedPolicyException 400');
    expect(await outcome(document('x', 'Maybe'))).toBe('MalformedPolicyException 400');
    expect(await outcome(document('a'.repeat(2048)))).toBe('MalformedPolicyException 400');
    expect(await outcome(`${document('iot:Connect')}${' '.repeat(3000)}`)).toBe('answered');
  });

  it('have at most five versions, one of them the default', async () => {
    await create('p');
    expect((await version('p', document('iot:Publish'), true)).policyVersionId).toBe('2');
    for (let i = 3; i <= 5; i++) await version('p', document('iot:Receive'));
    expect(await outcomeOf(version('p', document('iot:Receive')))).toBe('VersionsLimitExceededException 409');
    expect((await cloud.client.send(new GetPolicyCommand({ policyName: 'p' }))).policyDocument).toBe(
      document('iot:Publish'),
    );
    const remove = (policyVersionId: string) =>
      outcomeOf(cloud.client.send(new DeletePolicyVersionCommand({ policyName: 'p', policyVersionId })));
    expect(await remove('2')).toBe('DeleteConflictException 409');
    expect(await remove('1')).toBe('answered');
    expect(await remove('1')).toBe('ResourceNotFoundException 404');
    expect((await version('p', document('iot:Receive'))).policyVersionId).toBe('6');
    await cloud.client.send(new SetDefaultPolicyVersionCommand({ policyName: 'p', policyVersionId: '6' }));
    const { policyVersions = [] } = await cloud.client.send(
      new ListPolicyVersionsCommand({ policyName: 'p' }),
    );
    expect(policyVersions.filter(({ isDefaultVersion }) => isDefaultVersion)).toMatchObject([
      { versionId: '6' },
    ]);
    const got = new GetPolicyVersionCommand({ policyName: 'p', policyVersionId: '6' });
    expect(await cloud.client.send(got)).toMatchObject({
      isDefaultVersion: true,
      policyDocument: document('iot:Receive'),
    });
    const deletion = cloud.client.send(new DeletePolicyCommand({ policyName: 'p' }));
    expect(await outcomeOf(deletion)).toBe('DeleteConflictException 409');
  });

  it('are attached repeat-safe, ten to a target, and tell the followers', async () => {
    await create('p');
    await attach('p');
    await attach('p');
    expect(changed).toEqual([[certificateId]]);
    const targets = await cloud.client.send(new ListTargetsForPolicyCommand({ policyName: 'p' }));
    expect(targets.targets).toEqual([certificateArn]);
    expect(cloud.iotCore.registry.policiesOf(certificateId)).toEqual([JSON.parse(document('iot:Connect'))]);
    await version('p', document('iot:Publish'), true);
    expect(changed).toHaveLength(2);
    expect(cloud.iotCore.registry.policiesOf(certificateId)).toEqual([JSON.parse(document('iot:Publish'))]);
    for (let i = 1; i < 10; i++) {
      await create(`p${i}`);
      await attach(`p${i}`);
    }
    await create('p10');
    expect(await outcomeOf(attach('p10'))).toBe('LimitExceededException 410');
    expect(await outcomeOf(attach('none'))).toBe('ResourceNotFoundException 404');
    expect(await outcomeOf(attach('p', 'arn:aws:s3:::bucket'))).toBe('InvalidRequestException 400');
    const removal = cloud.client.send(new DeletePolicyCommand({ policyName: 'p' }));
    expect(await outcomeOf(removal)).toBe('DeleteConflictException 409');
    await cloud.client.send(new DetachPolicyCommand({ policyName: 'p', target: certificateArn }));
    await cloud.client.send(new DeletePolicyVersionCommand({ policyName: 'p', policyVersionId: '1' }));
    await cloud.client.send(new DeletePolicyCommand({ policyName: 'p' }));
    const attached = await cloud.client.send(new ListAttachedPoliciesCommand({ target: certificateArn }));
    expect(attached.policies).toHaveLength(9);
  });

  it('reach a certificate through the groups of its things, and their parents', async () => {
    await cloud.client.send(new CreateThingGroupCommand({ thingGroupName: 'all' }));
    const { thingGroupArn = '' } = await cloud.client.send(
      new CreateThingGroupCommand({ thingGroupName: 'berlin', parentGroupName: 'all' }),
    );
    await cloud.client.send(new CreateThingCommand({ thingName: 't' }));
    await cloud.client.send(new AttachThingPrincipalCommand({ thingName: 't', principal: certificateArn }));
    await create('of-parent', document('iot:Publish'));
    await create('of-group', document('iot:Receive'));
    await attach('of-parent', thingGroupArn.replace('berlin', 'all'));
    await attach('of-group', thingGroupArn);
    expect(cloud.iotCore.registry.policiesOf(certificateId)).toEqual([]);
    changed = [];
    await cloud.client.send(new AddThingToThingGroupCommand({ thingGroupName: 'berlin', thingName: 't' }));
    expect(changed).toEqual([[certificateId]]);
    expect(cloud.iotCore.registry.policiesOf(certificateId)).toHaveLength(2);
    const effective = await cloud.client.send(new GetEffectivePoliciesCommand({ principal: certificateArn }));
    expect(effective.effectivePolicies?.map(({ policyName }) => policyName)).toEqual([
      'of-group',
      'of-parent',
    ]);
    const inherited = new ListAttachedPoliciesCommand({ target: thingGroupArn, recursive: true });
    expect((await cloud.client.send(inherited)).policies).toHaveLength(2);
  });

  it('answer the older principal calls on the same state', async () => {
    await create('p');
    const principal = certificateArn;
    await cloud.client.send(new AttachPrincipalPolicyCommand({ policyName: 'p', principal }));
    const policies = await cloud.client.send(new ListPrincipalPoliciesCommand({ principal }));
    expect(policies.policies).toMatchObject([{ policyName: 'p' }]);
    const principals = await cloud.client.send(new ListPolicyPrincipalsCommand({ policyName: 'p' }));
    expect(principals.principals).toEqual([principal]);
    await cloud.client.send(new DetachPrincipalPolicyCommand({ policyName: 'p', principal }));
    expect(cloud.iotCore.registry.policiesOf(certificateId)).toEqual([]);
  });
});
