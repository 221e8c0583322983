import type { access } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { lookAtState } from './board-steps.ts';

let parent: string;

beforeEach(async () => {
  parent = await temporaryDirectory();
});

/** Tests run as root, too, to whom a mode forbids nothing. */
const refused =
  (code: (path: string) => string): typeof access =>
  async (path) => {
    throw Object.assign(new Error('refused'), { code: code(String(path)) });
  };

describe('the state directory, as the doctor sees it', () => {
  it('may be there or be made', async () => {
    expect(await lookAtState(parent)).toBe(`the state directory ${parent} can be written`);
    const state = join(parent, 'of', 'aovis');
    expect(await lookAtState(state)).toBe(`the state directory ${state} is made at the first start`);
  });

  it('is told when it cannot be written', async () => {
    await expect(
      lookAtState(
        parent,
        refused(() => 'EACCES'),
      ),
    ).rejects.toThrow('cannot be read and written by this user');
  });

  it('is told when it is not there and cannot be made', async () => {
    const state = join(parent, 'of', 'aovis');
    await expect(
      lookAtState(
        state,
        refused((path) => (path === state ? 'ENOENT' : 'EACCES')),
      ),
    ).rejects.toThrow(`${state} does not exist, and this user may not make it in ${parent}`);
  });
});
