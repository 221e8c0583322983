import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { fragmentFileBytes, readFragmentBody, readFragmentHead, writeFragmentFile } from './fragment-file.ts';
import { fragmentAt } from './testing/fragments.ts';

async function written(): Promise<{ path: string; body: Buffer }> {
  const path = join(await temporaryDirectory(), 'one.fragment');
  const fragment = fragmentAt(1_700_000_000, { bytes: 300 });
  await writeFragmentFile(path, fragment);
  return { path, body: Buffer.concat([...fragment.chunks]) };
}

it('gives back what was written', async () => {
  const { path, body } = await written();
  expect(await readFragmentHead(path)).toEqual({
    header: Buffer.from('<header>'),
    bytes: 300,
    timecodeMs: 1_700_000_000_000,
    lastTimecodeMs: 1_700_000_000_900,
  });
  expect(await readFragmentBody(path)).toEqual(body);
  expect(await readFile(path)).toHaveLength(
    fragmentFileBytes({ segment: { header: Buffer.from('<header>') }, bytes: 300 }),
  );
});

it('is none when anything of it is missing or changed', async () => {
  const { path } = await written();
  const whole = await readFile(path);
  const damages = fc.oneof(
    fc.nat({ max: whole.length - 1 }).map((length) => whole.subarray(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 20 }).map((more) => Buffer.concat([whole, more])),
    fc.tuple(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ bits;
      return changed;
    }),
    fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(damages, async (damaged) => {
      await writeFile(path, damaged);
      const head = await readFragmentHead(path);
      if (head !== undefined) expect(await readFragmentBody(path)).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});
