import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TopicFilterTree } from './topic-filter-tree.ts';
import { faultOfClientId, faultOfFilter, faultOfTopic, mayClientPublish } from './topic-rules.ts';

const level = fc.constantFrom('a', 'b', '', '$x');
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 3 }), fc.constantFrom('a', '+', '#', ''))
  .map(([levels, last]) => [...levels, last].join('/'));

/** Matching as one would write it down. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const source = filter
    .split('/')
    .map((part) => (part === '+' ? '[^/]*' : part === '#' ? '.*' : part.replace('$', '\\$')))
    .join('/');
  return new RegExp(`^${source}$`).test(topic);
}

it('finds what matches, each value once, and forgets what was removed', () => {
  fc.assert(
    fc.property(fc.array(filters), fc.array(fc.nat({ max: 20 })), topics, (added, removed, topic) => {
      const tree = new TopicFilterTree<string>();
      for (const filter of added) tree.add(filter, filter);
      const gone = new Set(removed.map((i) => added[i]).filter((filter) => filter !== undefined));
      for (const filter of gone) tree.remove(filter, filter);
      const left = new Set(added.filter((filter) => !gone.has(filter)));
      expect(tree.match(topic)).toEqual(new Set([...left].filter((filter) => matches(filter, topic))));
    }),
  );
});

it('does not mind the removal of what was never there', () => {
  const tree = new TopicFilterTree<string>();
  tree.add('a/b', 'x');
  tree.remove('a', 'x');
  tree.remove('a/b/c', 'x');
  tree.remove('a/b', 'y');
  expect(tree.match('a/b')).toEqual(new Set(['x']));
});

it.each([
  ['a/+/b', undefined],
  ['#', undefined],
  ['+/#', undefined],
  ['a/#/b', '# is only allowed at the end of the topic filter'],
  ['a+/b', 'a wildcard stands for a whole level of the topic filter'],
  ['a/b#', 'a wildcard stands for a whole level of the topic filter'],
  ['', 'the topic filter is empty or holds a null character'],
  ['1/2/3/4/5/6/7/8/9', 'the topic has more than 7 slashes'],
])('the filter %p: %s', (filter, fault) => {
  expect(faultOfFilter(filter)).toBe(fault);
});

it.each([
  ['a/b', undefined],
  ['a/#', 'the topic holds a wildcard or a null character'],
  ['', 'the topic is empty'],
  ['é'.repeat(129), 'the topic is longer than 256 bytes'],
  [`$aws/rules/r/${'x'.repeat(256)}`, undefined],
  [`$aws/rules/r/${'x'.repeat(257)}`, 'the topic is longer than 256 bytes'],
])('the topic %p: %s', (topic, fault) => {
  expect(faultOfTopic(topic)).toBe(fault);
});

it.each([
  ['board', undefined],
  ['', 'the client id is empty; name one'],
  ['a\0b', 'the client id holds a null character'],
])('the client id %p: %s', (clientId, fault) => {
  expect(faultOfClientId(clientId)).toBe(fault);
});

it.each([
  ['anything', true],
  ['$aws/things/t/shadow/get', true],
  ['$aws/things/t/shadow/name/n/update', true],
  ['$aws/things/t/shadow/update/accepted', false],
  ['$aws/things/t/jobs/$next/get', true],
  ['$aws/things/t/jobs/notify', false],
  ['$aws/certificates/create-from-csr/json', true],
  ['$aws/rules/r/a/b', true],
  ['$aws/events/presence/connected/x', false],
  ['$SYS/x', false],
])('a client publishes to %s: %s', (topic, may) => {
  expect(mayClientPublish(topic)).toBe(may);
});
