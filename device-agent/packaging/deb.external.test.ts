import { execFile } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../src/testing/temporary-directory.ts';
import type { PackagedFile } from './archive.ts';
import { type DebOptions, deb } from './deb.ts';

const run = promisify(execFile);
const mtimeSeconds = Date.UTC(2026, 10, 21, 9) / 1_000;

const files: PackagedFile[] = [
  // Lengths around tar's blocks of 512 bytes.
  ...[0, 1, 511, 512, 513].map((bytes) => ({
    path: `/usr/lib/example/${bytes}`,
    content: Buffer.alloc(bytes, 'x'),
    mode: 0o644,
  })),
  { path: '/usr/bin/example', content: Buffer.from('#!/bin/sh\n'), mode: 0o755 },
  { path: '/etc/example.conf', content: Buffer.from('ä\n'), mode: 0o640 },
];

const options: DebOptions = {
  name: 'example',
  version: '1.2.3',
  architecture: 'armhf',
  depends: ['nodejs (>= 20)', 'systemd'],
  recommends: ['ffmpeg'],
  maintainer: 'Somebody <somebody@example>',
  description: ['an example', 'that says more', 'on two lines'],
  files,
  configuration: ['/etc/example.conf'],
  scripts: { postinst: Buffer.from('#!/bin/sh\nexit 0\n') },
  mtimeSeconds,
};

describe('a package, as Debian’s own tools see it', () => {
  let path: string;

  beforeEach(async () => {
    path = join(await temporaryDirectory(), 'example.deb');
    await writeFile(path, deb(options));
  });

  it('says what it is', async () => {
    const { stdout } = await run('dpkg-deb', ['--field', path]);
    expect(stdout).toBe(
      [
        'Package: example',
        'Version: 1.2.3',
        'Architecture: armhf',
        'Maintainer: Somebody <somebody@example>',
        'Installed-Size: 2',
        'Depends: nodejs (>= 20), systemd',
        'Recommends: ffmpeg',
        'Section: net',
        'Priority: optional',
        'Description: an example',
        ' that says more',
        ' on two lines',
        '',
      ].join('\n'),
    );
  });

  it('holds its files with rights, owner and time, directories first', async () => {
    const { stdout } = await run('dpkg-deb', ['--contents', path], { env: { ...process.env, TZ: 'UTC' } });
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
    expect(
      rows.map(([mode, owner, bytes, day, time, name]) => [mode, owner, bytes, `${day} ${time}`, name]),
    ).toEqual(
      [
        ['drwxr-xr-x', '0', './'],
        ['drwxr-xr-x', '0', './etc/'],
        ['-rw-r-----', '3', './etc/example.conf'],
        ['drwxr-xr-x', '0', './usr/'],
        ['drwxr-xr-x', '0', './usr/bin/'],
        ['-rwxr-xr-x', '10', './usr/bin/example'],
        ['drwxr-xr-x', '0', './usr/lib/'],
        ['drwxr-xr-x', '0', './usr/lib/example/'],
        ...['0', '1', '511', '512', '513'].map((bytes) => [
          '-rw-r--r--',
          bytes,
          `./usr/lib/example/${bytes}`,
        ]),
      ].map(([mode, bytes, name]) => [mode, 'root/root', bytes, '2026-11-21 09:00', name]),
    );
  });

  it('is unpacked to what went in, and its sums are right', async () => {
    const root = join(path, '../root');
    await mkdir(root);
    await run('dpkg-deb', ['--raw-extract', path, root]);
    for (const file of files) {
      expect((await readFile(join(root, file.path))).equals(file.content)).toBe(true);
      expect((await stat(join(root, file.path))).mode & 0o777).toBe(file.mode);
    }
    await run('md5sum', ['--check', '--strict', 'DEBIAN/md5sums'], { cwd: root });
    expect(await readFile(join(root, 'DEBIAN/md5sums'), 'utf8')).not.toContain('example.conf');
    expect((await stat(join(root, 'DEBIAN/postinst'))).mode & 0o777).toBe(0o755);
    expect(await readFile(join(root, 'DEBIAN/conffiles'), 'utf8')).toBe('/etc/example.conf\n');
  });

  it('is the same bytes for the same files', () => {
    expect(deb(options).equals(deb({ ...options, files: [...files] }))).toBe(true);
    expect(deb(options).equals(deb({ ...options, mtimeSeconds: mtimeSeconds + 1 }))).toBe(false);
  });

  it('refuses a place that tar cannot hold', () => {
    const long = { path: `/${'x'.repeat(100)}`, content: Buffer.alloc(0), mode: 0o644 };
    expect(() => deb({ ...options, files: [long] })).toThrow('too long for a tar archive');
  });
});
