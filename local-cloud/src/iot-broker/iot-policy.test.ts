import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PolicyDocument, PolicyStatement } from '../iot-core/registry.ts';
import { evaluatePolicies } from './iot-policy.ts';

const arn = (rest: string): string => `arn:aws:iot:eu-central-1:000000000000:${rest}`;
const policy = (...statements: PolicyStatement[]): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: statements,
});
const allow = (Action: string | string[], Resource: string | string[]): PolicyStatement => ({
  Effect: 'Allow',
  Action,
  Resource,
});
const deny = (Action: string, Resource: string): PolicyStatement => ({ Effect: 'Deny', Action, Resource });

describe('policy evaluation', () => {
  it('denies what nobody allows', () => {
    expect(evaluatePolicies([], 'iot:Connect', arn('client/a'), {})).toBe('implicit-deny');
    expect(evaluatePolicies([policy(allow('iot:Publish', '*'))], 'iot:Connect', arn('client/a'), {})).toBe(
      'implicit-deny',
    );
  });

  it('lets one Deny outweigh every Allow, whatever the order', () => {
    const both = [allow('iot:*', '*'), deny('iot:Publish', arn('topic/secret'))];
    for (const statements of [both, both.toReversed()]) {
      expect(evaluatePolicies([policy(...statements)], 'iot:Publish', arn('topic/secret'), {})).toBe(
        'explicit-deny',
      );
      expect(evaluatePolicies([policy(...statements)], 'iot:Publish', arn('topic/open'), {})).toBe('allowed');
    }
  });

  it.each([
    ['topic/a/*', 'topic/a/b/c', true],
    ['topic/a?c', 'topic/abc', true],
    ['topic/a?c', 'topic/ac', false],
    ['topic/a/+', 'topic/a/b', false],
    ['topicfilter/a/+', 'topicfilter/a/+', true],
    ['topicfilter/a/#', 'topicfilter/a/#', true],
    ['topicfilter/a/#', 'topicfilter/a/b', false],
    ['topicfilter/a/get/accepted', 'topicfilter/a/get/+', false],
    ['topicfilter/a/get/*', 'topicfilter/a/get/+', true],
    ['topic/*/x/*', 'topic/1/2/x/3/x/4', true],
  ])('%s against %s: %s', (pattern, resource, matches) => {
    const verdict = evaluatePolicies([policy(allow('iot:Any', arn(pattern)))], 'iot:Any', arn(resource), {});
    expect(verdict).toBe(matches ? 'allowed' : 'implicit-deny');
  });

  it('fills in variables, and never matches one without a value', () => {
    const own = [policy(allow('iot:Publish', arn(`topic/aovis/\${iot:Connection.Thing.ThingName}/event`)))];
    const variables = { 'iot:Connection.Thing.ThingName': 'aovis-n4k-000123' };
    const publish = (topic: string, values: Record<string, string>): string =>
      evaluatePolicies(own, 'iot:Publish', arn(`topic/${topic}`), values);
    expect(publish('aovis/aovis-n4k-000123/event', variables)).toBe('allowed');
    expect(publish('aovis/aovis-n4k-000124/event', variables)).toBe('implicit-deny');
    expect(publish(`aovis/\${iot:Connection.Thing.ThingName}/event`, {})).toBe('implicit-deny');
    expect(publish('aovis//event', {})).toBe('implicit-deny');
    expect(publish('aovis/x/event', { toString: 'x' })).toBe('implicit-deny');
  });

  it('takes a wildcard inside a variable’s value as itself', () => {
    const own = [policy(allow('iot:Publish', arn(`topic/\${iot:ClientId}`)))];
    const variables = { 'iot:ClientId': '*' };
    expect(evaluatePolicies(own, 'iot:Publish', arn('topic/*'), variables)).toBe('allowed');
    expect(evaluatePolicies(own, 'iot:Publish', arn('topic/other'), variables)).toBe('implicit-deny');
  });

  it('reads the escapes of *, ? and $', () => {
    const odd = [policy(allow('iot:Publish', arn('topic/${*}${?}${$}')))];
    expect(evaluatePolicies(odd, 'iot:Publish', arn('topic/*?$'), {})).toBe('allowed');
    expect(evaluatePolicies(odd, 'iot:Publish', arn('topic/abc'), {})).toBe('implicit-deny');
  });

  it.each<[string, PolicyStatement['Condition'], string[], boolean]>([
    ['Bool', { Bool: { 'iot:Connection.Thing.IsAttached': 'true' } }, [], true],
    ['Bool against', { Bool: { 'iot:Connection.Thing.IsAttached': ['false'] } }, [], false],
    ['StringEquals', { StringEquals: { 'iot:ClientId': `\${iot:Connection.Thing.ThingName}` } }, [], true],
    ['StringEquals takes * literally', { StringEquals: { 'iot:ClientId': 'bo*' } }, [], false],
    ['StringLike', { StringLike: { 'iot:ClientId': ['cat', 'bo*'] } }, [], true],
    ['StringNotLike', { StringNotLike: { 'iot:ClientId': 'bo*' } }, [], false],
    ['StringEqualsIfExists', { StringEqualsIfExists: { 'aws:Missing': 'x' } }, [], true],
    ['a missing key', { StringEquals: { 'aws:Missing': 'x' } }, [], false],
    ['an unknown operator', { DateLessThan: { 'aws:CurrentTime': '2030-01-01' } }, [], false],
    [
      'ForAllValues, nothing asked',
      { 'ForAllValues:StringEquals': { 'iot:ConnectAttributes': ['LastWill'] } },
      [],
      true,
    ],
    [
      'ForAllValues, one too many',
      { 'ForAllValues:StringEquals': { 'iot:ConnectAttributes': ['LastWill'] } },
      ['LastWill', 'PersistentConnect'],
      false,
    ],
    [
      'ForAnyValue',
      { 'ForAnyValue:StringEquals': { 'iot:ConnectAttributes': ['LastWill'] } },
      ['LastWill', 'PersistentConnect'],
      true,
    ],
  ])('condition: %s', (_, Condition, attributes, holds) => {
    const variables = {
      'iot:ClientId': 'board',
      'iot:Connection.Thing.ThingName': 'board',
      'iot:Connection.Thing.IsAttached': 'true',
    };
    const statement: PolicyStatement = { ...allow('iot:Connect', '*'), ...(Condition && { Condition }) };
    const verdict = evaluatePolicies([policy(statement)], 'iot:Connect', arn('client/board'), variables, {
      'iot:ConnectAttributes': attributes,
    });
    expect(verdict).toBe(holds ? 'allowed' : 'implicit-deny');
  });

  it('agrees with a regular expression on any pattern and text', () => {
    const letters = fc.constantFrom('a', 'b', '/', '+', '#', '.');
    const patterns = fc.array(fc.oneof(letters, fc.constantFrom('*', '?')), { maxLength: 12 });
    fc.assert(
      fc.property(patterns, fc.array(letters, { maxLength: 12 }), (pattern, letterList) => {
        const text = letterList.join('');
        const source = pattern.map((mark) =>
          mark === '*' ? '.*' : mark === '?' ? '.' : mark.replace(/[.+]/g, '\\$&'),
        );
        const expected = new RegExp(`^${source.join('')}$`, 's').test(text);
        const verdict = evaluatePolicies([policy(allow(pattern.join(''), '*'))], text, 'r', {});
        expect(verdict === 'allowed').toBe(expected);
      }),
    );
  });

  it('never allows more for an added Deny', () => {
    const words = fc.constantFrom('topic/a', 'topic/b', 'topic/*', '*', 'topic/?');
    fc.assert(
      fc.property(
        fc.array(words),
        words,
        fc.constantFrom('topic/a', 'topic/b'),
        (allowed, denied, resource) => {
          const before = policy(...allowed.map((pattern) => allow('iot:Publish', pattern)));
          const after = policy(...before.Statement, deny('iot:Publish', denied));
          const verdict = evaluatePolicies([after], 'iot:Publish', resource, {});
          if (evaluatePolicies([before], 'iot:Publish', resource, {}) !== 'allowed')
            expect(verdict).not.toBe('allowed');
          if (denied === '*') expect(verdict).toBe('explicit-deny');
        },
      ),
    );
  });
});
