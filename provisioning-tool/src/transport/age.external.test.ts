import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { FactoryFixture } from '../testing/factory-fixture.ts';
import { digestOf } from './sealed-file.ts';

const run = promisify(execFile);
let factory: FactoryFixture;

beforeEach(async () => {
  factory = new FactoryFixture();
  await factory.start();
  await factory.prepare();
  await factory.runBatch(await factory.writeBoards('boards.csv', 3));
});
afterEach(async () => {
  await factory.stop();
});

it('other people’s age and tar open what we seal, and seal what we open', async () => {
  const sealed = join(factory.directory, 'boards.tar.age');
  const { stdout } = await factory.succeed('bundle', 'keygen', '--json');
  const { transport_key } = JSON.parse(stdout) as { transport_key: string };
  await factory.succeed('bundle', 'seal', 'boards', '--recipient', transport_key, '--to', sealed);

  const key = join(factory.workspace, 'transport', 'transport.key');
  const tar = join(factory.directory, 'boards.tar');
  const theirs = join(factory.directory, 'theirs');
  await mkdir(theirs);
  await run('age', ['--decrypt', '--identity', key, '--output', tar, sealed]);
  await run('tar', ['--extract', '--file', tar, '--directory', theirs]);
  const ours = join(factory.workspace, 'batches', 'boards', 'bundles');
  const devices = (await readdir(ours)).toSorted();
  expect((await readdir(theirs)).toSorted()).toEqual(devices);
  for (const device of devices)
    expect(await readFile(join(theirs, device, 'device.key'))).toEqual(
      await readFile(join(ours, device, 'device.key')),
    );

  const again = join(factory.directory, 'again.tar');
  await run('tar', ['--create', '--file', again, '--directory', theirs, ...(await filesBelow(theirs))]);
  await run('age', ['--recipient', transport_key, '--output', `${again}.age`, again]);
  const to = join(factory.directory, 'opened');
  const sha256 = await digestOf(`${again}.age`);
  await factory.succeed('bundle', 'open', `${again}.age`, '--sha256', sha256, '--to', to);
  expect((await readdir(to)).toSorted()).toEqual(devices);

  // Whatever a stranger packs in: nothing is written outside, and nothing is kept.
  const evil = join(factory.directory, 'evil.tar');
  await writeFile(join(factory.directory, 'note'), 'x');
  const rename = ['--absolute-names', '--transform', 's,^note$,../../note,'];
  await run('tar', ['--create', '--file', evil, ...rename, '--directory', factory.directory, 'note']);
  await run('age', ['--recipient', transport_key, '--output', `${evil}.age`, evil]);
  const evilDigest = await digestOf(`${evil}.age`);
  const elsewhere = join(factory.directory, 'elsewhere');
  expect(
    await factory.cli('bundle', 'open', `${evil}.age`, '--sha256', evilDigest, '--to', elsewhere),
  ).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('no bundle') });
  expect(await readdir(factory.directory)).not.toContain('elsewhere');
});

async function filesBelow(folder: string): Promise<string[]> {
  const devices = await readdir(folder);
  const lists = devices.map(async (device) =>
    (await readdir(join(folder, device))).map((name) => `${device}/${name}`),
  );
  return (await Promise.all(lists)).flat();
}
