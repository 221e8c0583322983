import { chmod, cp, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findMode } from '../files/durable-files.ts';
import { FactoryFixture } from '../testing/factory-fixture.ts';
import { digestOf } from './sealed-file.ts';

const boards = 40;

describe('bundle seal and open', () => {
  let factory: FactoryFixture;
  let sealed: string;
  let target: string;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
    await factory.runBatch(await factory.writeBoards('boards.csv', boards));
    sealed = join(factory.directory, 'boards.tar.age');
    target = join(factory.directory, 'opened');
  });
  afterEach(async () => {
    await factory.stop();
  });

  async function keygen(): Promise<string> {
    const { stdout } = await factory.succeed('bundle', 'keygen', '--json');
    return (JSON.parse(stdout) as { transport_key: string }).transport_key;
  }
  const seal = (recipient: string, ...more: string[]) =>
    factory.cli('bundle', 'seal', 'boards', '--recipient', recipient, '--to', sealed, ...more);
  const open = (sha256: string) => factory.cli('bundle', 'open', sealed, '--sha256', sha256, '--to', target);
  const bundleFolder = () => join(factory.workspace, 'batches', 'boards', 'bundles');
  const leftovers = async () =>
    (await readdir(factory.directory)).filter((name) => /opened|partial/.test(name));

  it('brings every bundle over as it was, for the owner alone', async () => {
    const recipient = await keygen();
    expect((await factory.succeed('bundle', 'key')).stdout).toBe(`${recipient}\n`);
    const { stdout } = await seal(recipient, '--json');
    const { sha256, bundles } = JSON.parse(stdout) as { sha256: string; bundles: number };
    expect(bundles).toBe(boards);
    expect(await findMode(sealed)).toBe(0o600);
    expect(await readFile(sealed, 'latin1')).not.toContain('PRIVATE KEY');
    expect(await open(sha256)).toMatchObject({ exitCode: 0 });
    const devices = await readdir(bundleFolder());
    expect((await readdir(target)).toSorted()).toEqual(devices.toSorted());
    expect(await findMode(target)).toBe(0o700);
    for (const device of devices) {
      expect(await findMode(join(target, device))).toBe(0o700);
      for (const name of await readdir(join(bundleFolder(), device))) {
        expect(await findMode(join(target, device, name))).toBe(0o600);
        expect(await readFile(join(target, device, name))).toEqual(
          await readFile(join(bundleFolder(), device, name)),
        );
      }
    }
    expect(await open(sha256)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('is there already'),
    });
    expect(await seal(recipient)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('another file'),
    });
  }, 60_000);

  it('seals single boards, by serial or device id', async () => {
    const recipient = await keygen();
    const answer = await seal(recipient, '--serial', 'n4k-000002', '--serial', 'aovis-n4k-000001', '--json');
    const { sha256, bundles } = JSON.parse(answer.stdout) as { sha256: string; bundles: number };
    expect(bundles).toBe(2);
    expect(await open(sha256)).toMatchObject({ exitCode: 0 });
    expect((await readdir(target)).toSorted()).toEqual(['aovis-n4k-000001', 'aovis-n4k-000002']);
    expect(await seal(recipient, '--serial', 'N4K-999999')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('has no finished board N4K-999999'),
    });
    const rehearsed = ['bundle', 'seal', 'boards', '--recipient', recipient, '--serial', 'N4K-000001'];
    expect((await factory.succeed(...rehearsed, '--dry-run')).stdout).toContain('aovis-n4k-000001.tar.age');
  });

  it('refuses a changed byte anywhere, and a cut anywhere, and keeps nothing', async () => {
    await seal(await keygen());
    const whole = await readFile(sealed);
    const chunk = 64 * 1024 + 16;
    expect(whole.length).toBeGreaterThan(3 * chunk);
    const places = [0, 30, 120, 190, 210, 1_000, chunk, whole.length - chunk, whole.length - 1];
    for (const place of places) {
      const changed = Buffer.from(whole);
      changed.writeUInt8(changed.readUInt8(place) ^ 0x01, place);
      await writeFile(sealed, changed);
      const answer = await open(await digestOf(sealed));
      expect({ place, ...answer }).toMatchObject({
        place,
        exitCode: 7,
        stderr: expect.stringMatching(/damaged|another key/),
      });
    }
    const payload = whole.indexOf('\n', whole.indexOf('\n---') + 1) + 1 + 16;
    for (const size of [
      0,
      10,
      payload,
      payload + 1,
      payload + chunk,
      payload + 2 * chunk,
      whole.length - 1,
    ]) {
      await writeFile(sealed, whole);
      await truncate(sealed, size);
      const answer = await open(await digestOf(sealed));
      expect({ size, ...answer }).toMatchObject({
        size,
        exitCode: 7,
        stderr: expect.stringContaining('cut short'),
      });
    }
    expect(await leftovers()).toEqual([]);
  }, 60_000);

  it('refuses what was sealed to another key, and another file than the one that was sealed', async () => {
    const former = await keygen();
    const elsewhere = join(factory.directory, 'elsewhere');
    await cp(join(factory.workspace, 'transport'), elsewhere, { recursive: true });
    await seal(former);
    const sha256 = await digestOf(sealed);
    expect(await open('0'.repeat(64))).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('not the file that was sealed'),
    });
    const key = join(factory.workspace, 'transport', 'transport.key');
    await writeFile(key, 'AGE-SECRET-KEY-1NONSENSE\n');
    expect(await open(sha256)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is damaged') });
    const { generateX25519Identity } = await import('age-encryption');
    await writeFile(key, `${await generateX25519Identity()}\n`);
    expect(await open(sha256)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('sealed to another key'),
    });
    await chmod(key, 0o640);
    expect(await open(sha256)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('chmod 600') });
    expect(await leftovers()).toEqual([]);
  }, 60_000);

  it('refuses keys that are none, and bundles that others could have read', async () => {
    const recipient = await keygen();
    expect(await seal('age1nonsense')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('no transport key'),
    });
    const [device = ''] = await readdir(bundleFolder());
    await chmod(join(bundleFolder(), device, 'device.key'), 0o644);
    expect(await seal(recipient)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('mode 0644'),
    });
    expect(await readdir(factory.directory)).not.toContain('boards.tar.age');
    expect(await leftovers()).toEqual([]);
  }, 60_000);
});
