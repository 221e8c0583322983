import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { Refusal } from '../refusal.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { writeBundle } from '../testing/test-bundle.ts';
import { TestCa } from '../testing/test-pki.ts';
import { loadBundle } from './bundle.ts';

let directory: string;
let ca: TestCa;

beforeEach(async () => {
  directory = await temporaryDirectory();
  ca = await TestCa.create();
  await writeBundle(directory, ca);
});

const at = (name: string): string => join(directory, name);

async function refusal(): Promise<Refusal> {
  const error: unknown = await loadBundle(directory).catch((reason: unknown) => reason);
  if (!(error instanceof Refusal)) throw new Error('expected a refusal');
  return error;
}

it('reads a good bundle', async () => {
  const bundle = await loadBundle(directory);
  expect(bundle).toMatchObject({
    thing: 'aovis-n4k-000123',
    certificateId: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(bundle.notBefore.getTime()).toBeLessThan(Date.now());
  expect(bundle.notAfter.getTime()).toBeGreaterThan(Date.now());
});

describe('a bundle that is not there or not whole', () => {
  it('names what is missing', async () => {
    await rm(at('device.crt'));
    expect(await refusal()).toMatchObject({ code: 'bundleMissing', exitCode: 10 });
    expect((await refusal()).message).toContain(at('device.crt'));
    await rm(directory, { recursive: true });
    expect((await refusal()).message).toContain('--bundle DIR');
  });

  it('is refused when it is a file', async () => {
    directory = at('device.json');
    expect(await refusal()).toMatchObject({ code: 'bundleMissing' });
  });
});

describe('modes', () => {
  it.each([0o755, 0o750, 0o701, 0o770])('refuses a directory with %o', async (mode) => {
    await chmod(directory, mode);
    const { code, message } = await refusal();
    await chmod(directory, 0o700);
    expect(code).toBe('bundleLoose');
    expect(message).toContain(`chmod 700 '${directory}'`);
  });

  it.each(['device.key', 'device.crt', 'device.json', 'root-ca.pem'])('refuses a loose %s', async (name) => {
    await chmod(at(name), 0o640);
    const { code, exitCode, message } = await refusal();
    expect([code, exitCode]).toEqual(['bundleLoose', 11]);
    expect(message).toContain(`chmod 600 '${at(name)}'`);
  });

  it('accepts tighter ones', async () => {
    await chmod(at('device.key'), 0o400);
    await expect(loadBundle(directory)).resolves.toBeDefined();
  });
});

describe('a bundle that does not fit together', () => {
  it('refuses the key of another board', async () => {
    const other = await ca.issueClient({ commonName: 'other' });
    await writeFile(at('device.key'), other.privateKey);
    expect(await refusal()).toMatchObject({ code: 'bundleInvalid', exitCode: 12 });
    expect((await refusal()).message).toContain('device.key is not the key of device.crt');
  });

  it.each([
    ['device.key', 'nonsense', 'PKCS#8'],
    ['device.crt', 'nonsense', 'no PEM certificate'],
    ['device.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'damaged certificate'],
    ['root-ca.pem', '', 'no PEM certificate'],
    ['device.json', '{', 'not valid JSON'],
    ['device.json', '{"schema_version":2}', 'schema_version'],
  ])('refuses a %s of %j', async (name, content, sentence) => {
    await writeFile(at(name), content);
    const { code, message } = await refusal();
    expect(code).toBe('bundleInvalid');
    expect(message).toContain(sentence);
  });

  it('refuses a chain whose certificates did not issue one another', async () => {
    const stranger = await TestCa.create();
    const leaf = await readFile(at('device.crt'), 'utf8');
    await writeFile(at('device.crt'), `${leaf}\n${stranger.certificate}`);
    expect((await refusal()).message).toContain('chain is broken');
    await writeFile(at('device.crt'), `${leaf}\n${ca.certificate}`);
    await expect(loadBundle(directory)).resolves.toBeDefined();
  });
});

it('lets no key material into errors or the log', async () => {
  const key = await readFile(at('device.key'), 'utf8');
  const body = key.split('\n')[1] ?? '';
  await writeFile(at('device.key'), key.replace('-----END PRIVATE KEY-----', ''));
  const error = await refusal();
  expect(`${error.message} ${error.stack} ${JSON.stringify(error.cause)}`).not.toContain(body);

  let logged = '';
  const logger = createLogger({
    level: 'info',
    destination: { write: (line: string) => void (logged += line) },
  });
  logger.info(
    { bundle: { privateKey: key }, privateKey: key, credentials: { secretAccessKey: 'hush' } },
    'x',
  );
  expect(logged).not.toContain(body);
  expect(logged).not.toContain('hush');
});
