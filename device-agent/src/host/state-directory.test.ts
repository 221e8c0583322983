import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { openStateDirectory } from './state-directory.ts';

it('is made with all that is missing above it, closed to others', async () => {
  const path = join(await temporaryDirectory(), 'of', 'aovis');
  expect((await openStateDirectory(path)).path).toBe(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

it('may be there already', async () => {
  const path = await temporaryDirectory();
  await mkdir(join(path, 'outbox'));
  await openStateDirectory(path);
  expect((await stat(join(path, 'outbox'))).isDirectory()).toBe(true);
});

it.each([
  ['below a directory of the kernel’s', async () => '/proc/aovis/state'],
  [
    'below a file',
    async () => {
      const file = join(await temporaryDirectory(), 'file');
      await writeFile(file, '');
      return join(file, 'state');
    },
  ],
])('is refused with a sentence where it cannot be made: %s', async (_where, place) => {
  const path = await place();
  await expect(openStateDirectory(path)).rejects.toThrow(
    `The state directory ${path} cannot be made or written: name one that this user owns`,
  );
});
