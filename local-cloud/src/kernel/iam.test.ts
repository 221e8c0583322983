import { beforeEach, describe, expect, it } from '@jest/globals';
import { AwsError } from './aws-error.ts';
import { Iam, roleSchema } from './iam.ts';
import type { Principal } from './principal.ts';
import { Store } from './store.ts';

const board: Principal = {
  kind: 'role',
  accessKeyId: 'ASIA',
  roleName: 'board',
  thingName: 'aovis-n4k-000001',
  thingTypeName: 'camera',
  certificateId: 'c0ffee',
};
const stream = (thing: string): string =>
  `arn:aws:kinesisvideo:us-east-1:123456789012:stream/aovis-stream-${thing}/1700000000000`;

describe('Iam', () => {
  let iam: Iam;
  beforeEach(() => {
    iam = new Iam(new Store(':memory:'), '123456789012');
  });

  function role(...Statement: unknown[]): void {
    iam.putRole(
      roleSchema.parse({ roleName: 'board', policyDocument: { Version: '2012-10-17', Statement } }),
    );
  }

  function verdict(action: string, resource: string, principal: Principal = board): string {
    try {
      iam.authorize(principal, action, resource);
      return 'allowed';
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      expect([error.code, error.status]).toEqual(['AccessDeniedException', 403]);
      return error.message;
    }
  }

  it('lets the account do everything', () => {
    expect(verdict('any:Thing', '*', { kind: 'account', accessKeyId: 'AKIA' })).toBe('allowed');
  });

  it('scopes a board to its own stream by its thing name', () => {
    role({
      Effect: 'Allow',
      Action: ['kinesisvideo:PutMedia', 'kinesisvideo:Get*'],
      Resource: 'arn:aws:kinesisvideo:*:*:stream/aovis-stream-${credentials-iot:ThingName}/*',
    });
    expect(verdict('kinesisvideo:PutMedia', stream('aovis-n4k-000001'))).toBe('allowed');
    expect(verdict('KinesisVideo:getdataendpoint', stream('aovis-n4k-000001'))).toBe('allowed');
    expect(verdict('kinesisvideo:DeleteStream', stream('aovis-n4k-000001'))).not.toBe('allowed');
    expect(verdict('kinesisvideo:PutMedia', stream('aovis-n4k-000002'))).toBe(
      `User: arn:aws:sts::123456789012:assumed-role/board/c0ffee is not authorized to perform: kinesisvideo:PutMedia on resource: ${stream('aovis-n4k-000002')} because no identity-based policy allows the kinesisvideo:PutMedia action`,
    );
  });

  it('matches nothing on a variable without a value, and takes a value literally', () => {
    role({ Effect: 'Allow', Action: '*', Resource: '*/${credentials-iot:ThingName}' });
    expect(verdict('a:b', 'x/aovis-n4k-000001')).toBe('allowed');
    expect(verdict('a:b', 'x/', { ...board, thingName: undefined })).not.toBe('allowed');
    expect(verdict('a:b', 'x/anything', { ...board, thingName: '*' })).not.toBe('allowed');
  });

  it('lets one Deny outweigh every Allow', () => {
    role(
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: 'iot:Delete*', Resource: '*' },
    );
    expect(verdict('iot:DescribeThing', '*')).toBe('allowed');
    expect(verdict('iot:DeleteThing', '*')).toMatch(/with an explicit deny in an identity-based policy$/);
  });

  it('knows string conditions on the variables of the session', () => {
    role({
      Effect: 'Allow',
      Action: '*',
      Resource: '*',
      Condition: { StringEquals: { 'credentials-iot:ThingTypeName': ['camera', 'bell'] } },
    });
    expect(verdict('a:b', '*')).toBe('allowed');
    expect(verdict('a:b', '*', { ...board, thingTypeName: 'lamp' })).not.toBe('allowed');
  });

  it('allows nothing to a role that is gone', () => {
    expect(verdict('a:b', '*')).not.toBe('allowed');
  });

  it('takes the trust as a document, and refuses what it does not understand', () => {
    const trust = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'credentials.iot.amazonaws.com' },
          Action: 'sts:AssumeRole',
        },
      ],
    };
    const policyDocument = { Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };
    expect(roleSchema.parse({ roleName: 'r', trust, policyDocument }).trust).toEqual([
      'credentials.iot.amazonaws.com',
    ]);
    const unknown = { Statement: [{ Effect: 'Allow', NotAction: '*', Resource: '*' }] };
    expect(roleSchema.safeParse({ roleName: 'r', policyDocument: unknown }).success).toBe(false);
  });

  it('reads role names out of ARNs of its own account only', () => {
    expect(iam.roleNameOf('arn:aws:iam::123456789012:role/boards/video')).toBe('video');
    expect(iam.roleNameOf('arn:aws:iam::999999999999:role/video')).toBeUndefined();
    expect(iam.roleNameOf('video')).toBeUndefined();
  });
});
