import { type ExecFileException, execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from './testing/factory-fixture.ts';

/** The built program, alone in an empty folder, where no `node_modules` can help it out. */
describe('the tool as one file', () => {
  let factory: FactoryFixture;
  let dist: string;
  let folder: string;
  let program: string;

  beforeAll(async () => {
    factory = new FactoryFixture();
    await factory.start();
    dist = join(factory.directory, 'dist');
    await promisify(execFile)(process.execPath, [join(import.meta.dirname, '..', 'build.ts'), dist]);
    folder = join(factory.directory, 'empty');
    await mkdir(folder);
    program = join(folder, 'aovis-provision.cjs');
    await copyFile(join(dist, 'aovis-provision.cjs'), program);
  }, 60_000);

  afterAll(async () => {
    await factory.stop();
  });

  function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return runWith({}, ...args);
  }

  function runWith(variables: Record<string, string>, ...args: string[]) {
    const env = { ...process.env, ...factory.env, AOVIS_WORKSPACE: factory.workspace, ...variables };
    return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const ended = (error: ExecFileException | null, stdout: string, stderr: string) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
      // As the system starts it: by its first line, and with its mode.
      execFile(program, args, { cwd: folder, env }, ended);
    });
  }

  async function succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...args);
    expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
    return stdout;
  }

  it('knows its version and teaches', async () => {
    expect(await run('--version')).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
    expect(await succeed('--help')).toContain('aovis-provision batch run boards.csv');
    expect(await run('batch', 'fly')).toMatchObject({ code: 2, stdout: '' });
  });

  it('is installed by npm with its man page', async () => {
    const [prefix, cache] = [join(factory.directory, 'prefix'), join(factory.directory, 'npm-cache')];
    const npm = ['--silent', '--offline', '--cache', cache];
    const pack = [...npm, 'pack', dist, '--pack-destination', factory.directory];
    const { stdout } = await promisify(execFile)('npm', pack, { cwd: folder });
    const archive = join(factory.directory, stdout.trim());
    const install = [...npm, 'install', '--global', '--omit', 'optional', '--prefix', prefix, archive];
    await promisify(execFile)('npm', install, { cwd: folder });
    const manPage = join(prefix, 'share', 'man', 'man1', 'aovis-provision.1');
    expect(await readFile(manPage, 'utf8')).toContain('.SS labels print');
    const version = await promisify(execFile)(join(prefix, 'bin', 'aovis-provision'), ['--version']);
    expect(version.stdout).toBe('0.1.0\n');
  }, 60_000);

  it('makes boards from the CA to the printed labels', async () => {
    const secret = ['--passphrase-file', factory.passphraseFile];
    await succeed('ca', 'init', ...secret);
    await succeed('ca', 'register');
    const station = JSON.parse(await succeed('station', 'init', '--json')) as {
      station_id: string;
      public_key_pem: string;
    };
    factory.backend.stations.set(station.station_id, station.public_key_pem);
    await succeed('batch', 'run', await factory.writeBoards('boards.csv', 3), ...secret);
    expect(factory.backend.devices.size).toBe(3);
    // As on a terminal, where a bar moves.
    const terminal = join(factory.directory, 'terminal.cjs');
    await writeFile(terminal, 'process.stderr.isTTY = true;');
    const verified = await runWith({ NODE_OPTIONS: `--require=${terminal}` }, 'batch', 'verify', 'boards');
    expect(verified).toMatchObject({ code: 0, stderr: expect.stringContaining('3/3 boards') });
    await succeed('labels', 'print', 'boards', '--activation-url', 'https://app.example.com');
    const sheets = join(factory.workspace, 'batches', 'boards', 'sheets');
    const [sheet = ''] = await readdir(sheets);
    expect((await readFile(join(sheets, sheet), 'latin1')).slice(0, 5)).toBe('%PDF-');
    await succeed('audit', 'verify');
    // Written nowhere but in the workspace.
    expect(await readdir(folder)).toEqual(['aovis-provision.cjs']);
  }, 60_000);

  it('says how to bring the addon along where a key is on a token', async () => {
    const key = 'pkcs11:token=factory;object=issuing?module-path=/nowhere.so';
    const secret = ['--passphrase-file', factory.passphraseFile, '--pin-file', factory.passphraseFile];
    const answer = await run('ca', 'roll-over', '--issuing-key', key, ...secret);
    expect(answer).toMatchObject({ code: 5, stderr: expect.stringContaining('npm install pkcs11js') });
  });
});
