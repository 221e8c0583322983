import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { packagedPage } from './packaged-page.ts';

it('names pages that are not on the board, and leaves the other links', () => {
  const page =
    '([why](adr/1.md)), [`device-agent/x.md`](../device-agent/x.md), [here](#here), [web](https://a.example/)\n';
  expect(packagedPage(page, 'docs/agent.md').split('\n')[0]).toBe(
    '(why (`docs/adr/1.md`)), `device-agent/x.md`, [here](#here), [web](https://a.example/)',
  );
});

it('leaves no link into the repository in the manual', () => {
  const manual = packagedPage(
    readFileSync(new URL('../../docs/agent.md', import.meta.url), 'utf8'),
    'docs/agent.md',
  );
  expect(manual.match(/\]\((?!#|https:)[^)]*\)/g)).toBeNull();
  expect(manual).toContain('(`device-agent/policies/README.md`)');
});
