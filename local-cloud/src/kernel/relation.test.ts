import { expect, it } from '@jest/globals';
import { Relation } from './relation.ts';
import { Store } from './store.ts';

it('answers from either side, also after a reload, a rollback and a reset', () => {
  const store = new Store(':memory:');
  const relation = new Relation<{ exclusive: boolean }>(store.table('links'));
  relation.link('thing-a', 'cert-1', { exclusive: true });
  relation.link('thing-b', 'cert-1', { exclusive: false });
  expect([...relation.leftsOf('cert-1').keys()]).toEqual(['thing-a', 'thing-b']);
  expect(relation.find('thing-a', 'cert-1')).toEqual({ exclusive: true });

  expect(() =>
    store.transaction(() => {
      relation.unlink('thing-a', 'cert-1');
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(relation.rightsOf('thing-a').has('cert-1')).toBe(true);

  expect(relation.unlink('thing-a', 'cert-1')).toBe(true);
  expect(relation.unlink('thing-a', 'cert-1')).toBe(false);
  expect([...relation.leftsOf('cert-1').keys()]).toEqual(['thing-b']);

  expect(new Relation<{ exclusive: boolean }>(store.table('links')).leftsOf('cert-1').size).toBe(1);
  store.reset();
  expect(relation.leftsOf('cert-1').size).toBe(0);
  store.close();
});
