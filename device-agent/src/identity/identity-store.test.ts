import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { certificateRequest, newPrivateKey } from '../jobs/rotation/certificate-request.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { testThing, writeBundle } from '../testing/test-bundle.ts';
import { TestCa } from '../testing/test-pki.ts';
import { loadBundle } from './bundle.ts';
import { openIdentities } from './bundle-identities.ts';
import { type Candidate, IdentityStore, identityFile } from './identity-store.ts';

let ca: TestCa;
let bundle: string;
let factoryId: string;

beforeEach(async () => {
  ca = await TestCa.create();
  bundle = join(await temporaryDirectory(), 'bundle');
  await writeBundle(bundle, ca);
  factoryId = (await loadBundle(bundle)).certificateId;
});

/** A candidate as it is after each phase, the last one first. */
async function rotated(): Promise<{ store: IdentityStore; candidate: Candidate; certificateId: string }> {
  const store = await IdentityStore.open(bundle);
  const key = newPrivateKey();
  const begun = await store.begin('job', key);
  const { certificate, certificateId } = await ca.issueFor(certificateRequest(key, testThing));
  const issued = await store.keepCertificate(begun, certificate);
  return { store, candidate: await store.noteVerified(issued), certificateId };
}
const loadedId = async (): Promise<string> => (await loadBundle(bundle)).certificateId;
const identities = (): Promise<string[]> => readdir(join(bundle, 'identities'));

it('keeps what counts until another one does, over restarts', async () => {
  const { store, candidate, certificateId } = await rotated();
  expect(await loadedId()).toBe(factoryId);
  const { identity } = await openIdentities(bundle, await loadBundle(bundle));
  // Either may be right; the verified one is tried first.
  expect(identity.current.certificateId).toBe(certificateId);
  identity.noteRefused();
  expect(identity.current.certificateId).toBe(factoryId);

  await store.commit(candidate);
  expect(await loadedId()).toBe(certificateId);
  const again = await rotated();
  expect(await loadedId()).toBe(certificateId);
  expect(await identities()).toHaveLength(2);
  await again.store.drop();
  expect(await identities()).toHaveLength(1);
  expect(await loadedId()).toBe(certificateId);
});

it('keeps them for the owner alone, whatever the umask, and refuses loose ones', async () => {
  const umask = process.umask(0);
  const { store, candidate } = await rotated().finally(() => process.umask(umask));
  const { privateKey, certificate } = store.pathsOf(candidate.directory);
  const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
  for (const path of [privateKey, certificate, join(bundle, 'identity.json')])
    expect(await modeOf(path)).toBe(0o600);
  const parent = join(bundle, 'identities');
  for (const path of [parent, join(parent, candidate.directory)]) expect(await modeOf(path)).toBe(0o700);
  await chmod(privateKey, 0o640);
  await expect(openIdentities(bundle, await loadBundle(bundle))).rejects.toMatchObject({
    code: 'bundleLoose',
    message: expect.stringContaining(`chmod 600 '${privateKey}'`),
  });
});

it('removes what a power cut left behind, when the next rotation begins', async () => {
  await mkdir(join(bundle, 'identities', '0123456789abcdef'), { recursive: true });
  const { candidate } = await rotated();
  expect(await identities()).toEqual([candidate.directory]);
});

describe('a bundle with a rotated certificate is refused', () => {
  it.each([
    ['{"schema_version":1,"act', 'is damaged'],
    ['{"schema_version":2}', 'is damaged'],
    ['{"schema_version":1,"active":"../../etc"}', 'is damaged'],
  ])('when identity.json is %j', async (text, sentence) => {
    await writeFile(join(bundle, identityFile), text);
    await expect(loadBundle(bundle)).rejects.toMatchObject({
      code: 'bundleInvalid',
      message: expect.stringContaining(sentence),
    });
  });

  it('when its key is open to others, or gone', async () => {
    const { store, candidate } = await rotated();
    await store.commit(candidate);
    const { privateKey } = store.pathsOf(candidate.directory);
    await chmod(privateKey, 0o644);
    await expect(loadBundle(bundle)).rejects.toMatchObject({ code: 'bundleLoose' });
    await writeFile(join(bundle, identityFile), '{"schema_version":1,"active":"0123456789abcdef"}');
    await expect(loadBundle(bundle)).rejects.toMatchObject({ code: 'bundleMissing' });
  });
});
