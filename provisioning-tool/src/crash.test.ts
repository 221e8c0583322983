import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { coreFilterPath } from '@aovis/contracts/crash-files';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { generateX25519Identity } from 'age-encryption';
import { spawnWithCores } from '../../test-support/crash-with-cores.ts';
import { FactoryFixture, serialOf } from './testing/factory-fixture.ts';
import { filesBelow, StationSecrets, secretHomes } from './testing/station-secrets.ts';

const here = import.meta.dirname ?? __dirname;
const main = join(here, 'main.ts');
/** An operator who asks Node for all that it can write of a crash. */
const reports = '--report-on-fatalerror --report-uncaught-exception --report-on-signal';

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The real program, crashed in the middle of a batch, with keys, codes and the passphrase in its memory. */
describe('a batch that crashes', () => {
  let factory: FactoryFixture;
  let secrets: StationSecrets;
  let child: ChildProcess | undefined;
  let folder: string;
  let csv: string;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
    secrets = new StationSecrets(factory);
    csv = await factory.writeBoards('boards.csv', 3);
    folder = join(factory.directory, 'here');
    await mkdir(folder);
  });

  afterEach(async () => {
    child?.kill('SIGKILL');
    await factory.stop();
  });

  async function start(words: string[], env: Record<string, string>): Promise<Ended> {
    child = spawnWithCores(process.execPath, words, {
      env: { ...process.env, ...factory.env, TMPDIR: folder, NODE_OPTIONS: reports, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: folder,
    });
    const { stdout, stderr } = child;
    if (!stdout || !stderr) throw new Error('the child has no pipes');
    const [[code, signal], out, err] = await Promise.all([
      once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
      text(stdout),
      text(stderr),
    ]);
    child = undefined;
    return { code, signal, stdout: out, stderr: err };
  }

  /** Signals the batch before its third certificate is registered; says how it ended and which memory cores may hold. */
  async function crash(signal: NodeJS.Signals, env: Record<string, string> = {}) {
    let calls = 0;
    let filter: number | undefined;
    factory.iot.options.onCall = (operation, done) => {
      if (operation !== 'RegisterCertificate' || done || ++calls !== 3) return;
      const path = coreFilterPath.replace('self', `${child?.pid}`);
      filter = existsSync(path) ? Number.parseInt(readFileSync(path, 'latin1'), 16) : 0;
      child?.kill(signal);
    };
    const batch = ['batch', 'run', csv, '--workspace', factory.workspace];
    const preload = ['--max-old-space-size=128', '--import', join(here, 'testing', 'crash-on-signal.ts')];
    const ended = await start([...preload, main, ...batch, '--passphrase-file', factory.passphraseFile], {
      AOVIS_BOARDS_IN_FLIGHT: '2',
      ...env,
    });
    factory.iot.options.onCall = () => undefined;
    return { ...ended, filter };
  }

  /** Secrets in what the crash left anywhere, and in what was said. */
  async function leaks({ stdout, stderr }: Ended): Promise<string[]> {
    await secrets.collect();
    expect(secrets.size).toBeGreaterThan(15);
    const files = [...(await filesBelow(factory.directory))];
    return secrets.foundIn([
      ...files.filter(([path]) => !secretHomes.test(path) && path !== 'passphrase'),
      ['stdout', stdout],
      ['stderr', stderr],
    ]);
  }

  /** Whether this machine writes core files where a program runs; a handler of its own may take them instead. */
  async function cores(): Promise<string[]> {
    return (await readdir(folder)).filter((name) => name.startsWith('core'));
  }

  it('is found out by the search, were it not for what the program does', async () => {
    await secrets.collect();
    const careless = `const held = require('node:fs').readFileSync(process.argv[1], 'latin1'); process.abort(held);`;
    const ended = await start(['-e', careless, factory.passphraseFile], { NODE_OPTIONS: '' });
    expect(ended.signal).toBe('SIGABRT');
    const found = secrets.foundIn(await filesBelow(folder));
    expect(found.length > 0).toBe((await cores()).length > 0);
  }, 60_000);

  it.each<[NodeJS.Signals]>([['SIGABRT'], ['SIGSEGV'], ['SIGQUIT']])(
    'leaves no secret on %s',
    async (signal) => {
      const ended = await crash(signal);
      expect(ended).toMatchObject({ signal, filter: 0 });
      expect(await leaks(ended)).toEqual([]);
      // A core file, where there is one, and nothing else.
      expect(await readdir(folder)).toEqual(await cores());
      expect((await factory.runBatch(csv)).exitCode).toBe(0);
    },
    60_000,
  );

  it('leaves no secret when the memory is full', async () => {
    const ended = await crash('SIGWINCH', { CRASH: 'memory' });
    expect(ended).toMatchObject({ signal: 'SIGABRT', stderr: expect.stringContaining('heap out of memory') });
    expect(await leaks(ended)).toEqual([]);
    expect(await readdir(folder)).toEqual(await cores());
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
  }, 60_000);

  it.each(['exception', 'rejection'])(
    'quotes no secret of an uncaught %s',
    async (kind) => {
      const labels = join(factory.workspace, 'batches', 'boards', 'labels.csv');
      const stationKey = readFileSync(join(factory.workspace, 'station', 'station.key'), 'utf8');
      const identity = await generateX25519Identity();
      // One board is made before, so that there is a code to stumble over.
      await factory.runBatch(await factory.writeBoards('boards.csv', 1));
      const stumble = join(factory.directory, 'station.key');
      await writeFile(stumble, `${readFileSync(labels, 'utf8')} ${stationKey} ${identity}`);
      const rows = ['serial,model,iccid', ...[2, 3, 4, 5].map((i) => `${serialOf(i)},n4k,`), ''];
      csv = await factory.writeCsv('more.csv', rows.join('\n'));
      const ended = await crash('SIGWINCH', { CRASH: kind, CRASH_TEXT: stumble, DEBUG: '1' });
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('A defect of this program') });
      expect(ended.stderr).toContain('[activation code]');
      expect(ended.stderr).toContain('[private key]');
      expect(ended.stderr).not.toContain(identity);
      expect(await leaks(ended)).toEqual([]);
      expect(await readdir(folder)).toEqual([]);
    },
    60_000,
  );

  it.each([
    '--heapsnapshot-signal=SIGWINCH',
    '--heapsnapshot_near_heap_limit=2',
    '--abort-on-uncaught-exception',
  ])('is not begun with %s', async (option) => {
    const ended = await start([main, 'batch', 'run', csv], { NODE_OPTIONS: `${reports} ${option}` });
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('take it out of') });
    expect(await start([option, main, 'batch', 'run', csv, '--json'], {})).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"code":"usage"'),
    });
  });

  it('has been told of by doctor, where the system would keep the memory', async () => {
    const doctor = ['doctor', '--offline', '--json', '--workspace', factory.workspace];
    const { stdout } = await start([main, ...doctor], {});
    const { checks } = JSON.parse(stdout) as { checks: { name: string; result: string }[] };
    expect(checks.find(({ name }) => name === 'crash files')?.result).toBe('ok');
  });
});
