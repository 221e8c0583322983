import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { chooseSoftware } from './choose-software.ts';
import { compareVersions, programFile, releaseFile } from './release.ts';
import { type SoftwareState, SoftwareStore } from './software-store.ts';
import { Vendor } from './testing/signed-release.ts';

const vendor = new Vendor();
let store: SoftwareStore;
let warnings: string[];

beforeEach(async () => {
  store = new SoftwareStore(await temporaryDirectory());
  warnings = [];
  await vendor.fill(store.slotDirectory('a'), '1.1.0');
  await vendor.fill(store.slotDirectory('b'), '1.2.0');
});

const trial = { slot: 'b', version: '1.2.0', job_id: 'job', starts: 0, well: [] } as const;
async function choose(state: Omit<SoftwareState, 'schema_version'>, installedVersion = '1.0.0') {
  await store.write({ schema_version: 1, ...state, ...(state.trial && { trial: { ...state.trial } }) });
  const { publicKey: vendorKey } = vendor;
  return chooseSoftware(store, { vendorKey, installedVersion, warn: (text) => warnings.push(text) });
}

it('begins what counts, or what is on trial, or the installed agent', async () => {
  expect(await choose({})).toBeUndefined();
  expect(await choose({ active: 'a' })).toMatchObject({ slot: 'a', version: '1.1.0', onTrial: false });
  expect(await choose({ active: 'a', trial: { ...trial, well: [] } })).toMatchObject({
    slot: 'b',
    onTrial: true,
  });
  expect((await store.read()).trial?.starts).toBe(1);
  expect(warnings).toEqual([]);
});

it('prefers a newer package that was installed since', async () => {
  expect(await choose({ active: 'a' }, '1.1.1')).toBeUndefined();
});

it('gives up what was started three times', async () => {
  const chosen = await choose({ active: 'a', trial: { ...trial, well: [], starts: 3 } });
  expect(chosen).toMatchObject({ slot: 'a' });
  expect(await store.read()).toMatchObject({ active: 'a', rolled_back: { job_id: 'job' } });
  expect(warnings).toHaveLength(1);
});

describe('what is not as the vendor signed it is never begun:', () => {
  const file = (name: string): string => join(store.slotDirectory('b'), name);
  it.each<[string, () => Promise<unknown>]>([
    ['a changed program', () => writeFile(file(programFile), '// 1.2.1')],
    ['a longer one', () => writeFile(file(programFile), '// 1.2.0 and more')],
    ['none', () => rm(file(programFile))],
    ['no statement', () => rm(file(releaseFile))],
    ['a statement that is none', () => writeFile(file(releaseFile), '{"version":"1.2.0"}')],
    ['another vendor’s', () => new Vendor().fill(store.slotDirectory('b'), '1.2.0')],
  ])('%s', async (_, spoil) => {
    await spoil();
    expect(await choose({ active: 'a', trial: { ...trial, well: [] } })).toMatchObject({ slot: 'a' });
    expect(await store.read()).toMatchObject({ rolled_back: { job_id: 'job', version: '1.2.0' } });
    expect(await choose({ active: 'b' })).toBeUndefined();
    expect(warnings).toHaveLength(2);
  });
});

it('knows which version is newer', () => {
  expect(compareVersions('1.10.0', '1.9.9')).toBeGreaterThan(0);
  expect(compareVersions('0.9.9', '1.0.0')).toBeLessThan(0);
  expect(compareVersions('1.2.3', '1.2.3')).toBe(0);
  expect(compareVersions('1.2.3', 'unknown')).toBeNaN();
});
