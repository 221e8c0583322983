import { chmod, lstat, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { loosenessOf } from '../files/private-file.ts';
import { type CliAnswer, FactoryFixture, serialOf } from '../testing/factory-fixture.ts';

const umask = process.umask();
const reason = ['--reason', 'a new label'];

/** Every file and folder below `folder` that somebody else could open, with its mode. */
async function openToOthers(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const { mode } = await lstat(path);
    const wanted = entry.isDirectory() ? 0o700 : 0o600;
    if ((mode & 0o777) !== wanted)
      found.push(`${path.slice(folder.length + 1)} 0${(mode & 0o777).toString(8)}`);
  }
  return found;
}

async function newPassphrase({ directory }: FactoryFixture): Promise<string[]> {
  const file = join(directory, 'new-passphrase');
  await writeFile(file, 'canary-passphrase-to-be\n', { mode: 0o600 });
  return ['--new-passphrase-file', file];
}

async function transportKeyOf(factory: FactoryFixture): Promise<string> {
  const { stdout } = await factory.succeed('bundle', 'key');
  return stdout.trim();
}

describe('what a station writes while every file would be open to others', () => {
  let factory: FactoryFixture;

  beforeAll(async () => {
    process.umask(0);
    factory = new FactoryFixture();
    await factory.start();
    factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
  });
  afterAll(async () => {
    process.umask(umask);
    await factory.stop();
  });

  it('is for its owner alone, from the CA to the sealed bundles', async () => {
    await chmod(factory.passphraseFile, 0o600);
    const signing = ['--passphrase-file', factory.passphraseFile];
    const to = (name: string) => ['--to', join(factory.workspace, name)];
    await factory.prepare();
    const mended = await factory.runBatch(await factory.writeBoards('boards.csv', 3));
    expect(mended.exitCode).toBe(0);
    await factory.succeed('labels', 'print', 'boards');
    await factory.succeed('device', 'reissue-code', serialOf(1), ...reason);
    await factory.succeed('device', 'rotate', serialOf(2), ...reason, ...signing);
    await factory.succeed('ca', 'roll-over', ...signing);
    await factory.succeed('ca', 'passphrase', ...signing, ...(await newPassphrase(factory)));
    await factory.succeed('batch', 'export', 'boards', ...to('export'));
    await factory.succeed('bundle', 'keygen');
    const recipient = ['--recipient', await transportKeyOf(factory)];
    const sealed = join(factory.workspace, 'sealed.age');
    const { stdout } = await factory.succeed(
      'bundle',
      'seal',
      'boards',
      ...recipient,
      '--to',
      sealed,
      '--json',
    );
    const { sha256 } = JSON.parse(stdout) as { sha256: string };
    await factory.succeed('bundle', 'open', sealed, '--sha256', sha256, ...to('opened'));
    await factory.succeed('batch', 'verify', 'boards');

    expect((await lstat(factory.workspace)).mode & 0o777).toBe(0o700);
    const names = [...(await factory.files()).keys()].join('\n');
    for (const name of [
      'ca/root.key',
      'ca/issuing-2/issuing.key',
      'station/station.key',
      'transport/transport.key',
      'journal.jsonl',
      'audit.jsonl',
      'batches/boards/labels.csv',
      'batches/boards/bundles/aovis-n4k-000003/device.key',
      'batches/boards/sheets/',
      'sealed.age',
      'opened/aovis-n4k-000003/device.key',
    ])
      expect(names).toContain(name);
    expect(await openToOthers(factory.workspace)).toEqual([]);
  }, 60_000);
});

interface Reading {
  path: (factory: FactoryFixture) => string;
  /** A command that reads it. */
  reads: (factory: FactoryFixture) => Promise<CliAnswer>;
  exitCode: number;
  /** Nobody else may change it, but it is no secret. */
  public?: boolean;
  /** May be a link, to a medium or a folder of secrets. */
  link?: boolean;
}

const inWorkspace =
  (...names: string[]) =>
  ({ workspace }: FactoryFixture) =>
    join(workspace, ...names);
const inBatch = (...names: string[]) => inWorkspace('batches', 'boards', ...names);
const signing = ({ passphraseFile }: FactoryFixture) => ['--passphrase-file', passphraseFile];
const command =
  (...words: string[]) =>
  (factory: FactoryFixture) =>
    factory.cli(...words);
const rotate = (factory: FactoryFixture) =>
  factory.cli('device', 'rotate', serialOf(1), ...reason, ...signing(factory));

/** Every file with a secret, or that must not be tampered with, and a command that reads it. */
const readings: Readonly<Record<string, Reading>> = {
  'the passphrase': { path: (factory) => factory.passphraseFile, reads: rotate, exitCode: 2, link: true },
  'the issuing key': {
    path: inWorkspace('ca', 'issuing.key'),
    reads: rotate,
    exitCode: 5,
    link: true,
  },
  'the root key': {
    path: inWorkspace('ca', 'root.key'),
    reads: (factory) => factory.cli('ca', 'roll-over', ...signing(factory)),
    exitCode: 5,
    link: true,
  },
  'the keys, when their passphrase changes': {
    path: inWorkspace('ca', 'root.key'),
    reads: async (factory) =>
      factory.cli('ca', 'passphrase', ...signing(factory), ...(await newPassphrase(factory))),
    exitCode: 5,
    link: true,
  },
  'the station key': { path: inWorkspace('station', 'station.key'), reads: rotate, exitCode: 2 },
  'the transport key': {
    path: inWorkspace('transport', 'transport.key'),
    reads: command('bundle', 'key'),
    exitCode: 2,
  },
  'the journal': { path: inWorkspace('journal.jsonl'), reads: command('batch', 'status'), exitCode: 8 },
  'the journal, when it is written': { path: inWorkspace('journal.jsonl'), reads: rotate, exitCode: 8 },
  'the audit log': { path: inWorkspace('audit.jsonl'), reads: command('audit', 'show'), exitCode: 8 },
  'the audit log, when it is written': { path: inWorkspace('audit.jsonl'), reads: rotate, exitCode: 8 },
  'the ledger of prints': {
    path: inWorkspace('audit.jsonl'),
    reads: command('labels', 'print', 'boards', '--activation-url', 'https://app.example.com', '--dry-run'),
    exitCode: 8,
  },
  'the settings': {
    path: inWorkspace('config.json'),
    reads: command('batch', 'verify', 'boards'),
    exitCode: 2,
    public: true,
    link: true,
  },
  'the codes, for labels': {
    path: inBatch('labels.csv'),
    reads: command('labels', 'print', 'boards', '--activation-url', 'https://app.example.com'),
    exitCode: 2,
  },
  'the codes, for a run': {
    path: inBatch('labels.csv'),
    reads: (factory) => factory.runBatch(join(factory.directory, 'boards.csv')),
    exitCode: 2,
  },
  'the codes, for a new one': {
    path: inBatch('labels.csv'),
    reads: command('device', 'reissue-code', serialOf(1), ...reason),
    exitCode: 2,
  },
};

describe('what is open to others', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
    await factory.succeed('bundle', 'keygen');
    await writeFile(join(factory.workspace, 'config.json'), '{"region":"eu-central-1"}', { mode: 0o600 });
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 1))).exitCode).toBe(0);
  });
  afterEach(async () => {
    await factory.stop();
  });

  it.each(Object.entries(readings))('is refused, with what closes it: %s', async (_name, reading) => {
    const path = reading.path(factory);
    const modes = reading.public ? [0o620, 0o602] : [0o640, 0o604, 0o620, 0o601];
    for (const mode of modes) {
      await chmod(path, mode);
      const answer = await reading.reads(factory);
      expect(answer.stderr).toContain(`(mode 0${mode.toString(8)}); close it with: chmod 600 ${path}`);
      expect(answer.exitCode).toBe(reading.exitCode);
    }
    await chmod(path, 0o600);
    await rename(path, `${path}.moved`);
    await symlink(`${path}.moved`, path);
    const linked = await reading.reads(factory);
    if (!reading.link) expect(linked.stderr).toContain(`${path} is a link to another place`);
    expect(linked.exitCode).toBe(reading.link ? 0 : reading.exitCode);
  });

  it('is a bundle that does not verify and is not sealed, and so is one with a link in it', async () => {
    const key = inBatch('bundles', 'aovis-n4k-000001', 'device.key')(factory);
    const sealed = ['--recipient', await transportKeyOf(factory), '--to', join(factory.directory, 'sealed')];
    const seal = () => factory.cli('bundle', 'seal', 'boards', ...sealed);
    await chmod(key, 0o640);
    expect((await factory.cli('batch', 'verify', 'boards')).stdout).toContain('mode 0640');
    expect(await seal()).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('reconcile --apply') });
    await factory.succeed('batch', 'reconcile', 'boards', '--apply');
    await factory.succeed('batch', 'verify', 'boards');
    await rename(key, join(factory.directory, 'device.key'));
    await symlink(join(factory.directory, 'device.key'), key);
    expect((await factory.cli('batch', 'verify', 'boards')).stdout).toContain('is a link to another place');
    expect(await seal()).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('is a link') });
  });
});

describe('a file of another user', () => {
  const facts = { mode: 0o100600, uid: 1_000, isFile: () => true, isSymbolicLink: () => false };

  it('is refused to everybody but them, unless it is of root', () => {
    expect(loosenessOf('/x/station.key', facts, {}, 1_000)).toBeUndefined();
    expect(loosenessOf('/x/station.key', { ...facts, uid: 0 }, {}, 1_000)).toBeUndefined();
    expect(loosenessOf('/x/station.key', facts, {}, undefined)).toBeUndefined();
    expect(loosenessOf('/x/station.key', facts, {}, 1_001)).toContain('belongs to another user (id 1000)');
    expect(loosenessOf('/x/a key', facts, {}, 0)).toContain("chown 0 '/x/a key'");
  });

  it('may be a pipe where an operator names it', () => {
    const pipe = { ...facts, mode: 0o010600, isFile: () => false };
    expect(loosenessOf('/dev/fd/63', pipe, { anyKind: true }, 1_000)).toBeUndefined();
    expect(loosenessOf('/x/labels.csv', pipe, {}, 1_000)).toContain('is no file');
  });
});
