import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture, passphrase } from './testing/factory-fixture.ts';

const main = join(import.meta.dirname ?? __dirname, 'main.ts');
/** Where keys and codes are at home. */
const homes = /(^|\/)(device|station|transport|root|issuing)\.key$|\/labels\.csv$|\/sheets\//;

/** A private key or a code never appears outside its bundle and its label. */
describe('the secrets of a station', () => {
  let factory: FactoryFixture;
  let secrets: Map<string, string>;
  let child: ChildProcess | undefined;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
    await factory.prepare();
    secrets = new Map([
      ['passphrase', passphrase],
      ['AWS secret', factory.env['AWS_SECRET_ACCESS_KEY'] ?? ''],
    ]);
  });

  afterEach(async () => {
    child?.kill('SIGKILL');
    await factory.stop();
  });

  /** Takes down every key and code that there is now: those that are replaced later too. */
  async function collect(): Promise<void> {
    for (const [path, content] of await factory.files()) {
      if (path.endsWith('/labels.csv')) {
        for (const row of content.trim().split('\n').slice(1)) {
          const code = row.split(',')[3] ?? '';
          addSpellings(`code in ${row.slice(0, 10)} ${secrets.size}`, code);
        }
      } else if (path.endsWith('transport.key')) {
        secrets.set(path, content.trim().split('\n').at(-1) ?? '');
      } else if (path.endsWith('.key')) {
        const lines = content.trim().split('\n');
        secrets.set(`${path} ${secrets.size}`, lines[Math.floor(lines.length / 2)] ?? '');
        if (!content.includes('ENCRYPTED')) addNumbers(path, content);
      }
    }
  }

  function addSpellings(name: string, code: string): void {
    secrets.set(name, code);
    secrets.set(`${name}, bare`, code.replaceAll('-', ''));
  }

  /** The secret number itself, however it is written. */
  function addNumbers(path: string, pem: string): void {
    const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' });
    const bytes = Buffer.from(d, 'base64url');
    for (const encoding of ['base64url', 'base64', 'hex', 'latin1'] as const)
      secrets.set(`${path} in ${encoding} ${secrets.size}`, bytes.toString(encoding));
  }

  const foundIn = (texts: Iterable<readonly [string, string]>): string[] =>
    [...texts].flatMap(([where, text]) =>
      [...secrets].filter(([, secret]) => text.includes(secret)).map(([name]) => `${name}, in ${where}`),
    );

  it('are in no journal, log, output or request of batch, labels, changes and transport', async () => {
    const signing = ['--passphrase-file', factory.passphraseFile];
    const reason = ['--reason', 'the label was photographed'];
    await factory.runBatch(await factory.writeBoards('boards.csv', 3), '--json');
    await collect();
    const [, codeRow = ''] =
      (await factory.files()).get('batches/boards/labels.csv')?.trim().split('\n') ?? [];
    const code = codeRow.split(',')[3] ?? '';
    await factory.succeed('labels', 'print', 'boards');
    // A scan goes in, and what was typed into the wrong place.
    await factory.cliWithInput(`${code}\nhttps://app.example.com/a#${code}\n`, 'labels', 'check');
    await factory.cli('device', 'show', code);
    await factory.cli('device', 'revoke', code, ...reason);
    expect(
      await factory.cli('device', 'reissue-code', 'N4K-000001', '--reason', `instead of ${code}`),
    ).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('holds an activation code') });
    await factory.succeed('device', 'reissue-code', 'N4K-000001', ...reason);
    await collect();
    await factory.succeed('device', 'rotate', 'N4K-000002', ...reason, ...signing);
    await factory.succeed('labels', 'print', 'boards', '--reason', 'a new code');
    const keygen = await factory.succeed('bundle', 'keygen', '--json');
    const { transport_key } = JSON.parse(keygen.stdout) as { transport_key: string };
    const sealed = join(factory.workspace, 'boards.tar.age');
    await factory.succeed('bundle', 'seal', 'boards', '--recipient', transport_key, '--to', sealed);
    await collect();
    await factory.succeed('batch', 'verify', 'boards');
    await factory.succeed('batch', 'reconcile', 'boards', '--apply');
    await factory.succeed('batch', 'export', 'boards', '--to', join(factory.workspace, 'export'));
    await factory.succeed('audit', 'show', '--json');
    await factory.succeed('device', 'show', 'N4K-000001', '--json');

    expect(secrets.size).toBeGreaterThan(30);
    const files = [...(await factory.files())];
    // They are found where they are.
    expect(foundIn(files.filter(([path]) => homes.test(path))).length).toBeGreaterThan(15);
    expect(files.map(([path]) => path)).toEqual(
      expect.arrayContaining(['journal.jsonl', 'audit.jsonl', 'boards.tar.age']),
    );
    expect(foundIn(files.filter(([path]) => !homes.test(path)))).toEqual([]);
    expect(foundIn(factory.said.map((text, i) => [`output ${i}`, text] as const))).toEqual([]);
    expect(factory.backend.received.length).toBeGreaterThan(3);
    expect(
      foundIn(factory.backend.received.map((text) => ['a request to the backend', text] as const)),
    ).toEqual([]);
    expect(factory.iot.received.length).toBeGreaterThan(10);
    expect(foundIn(factory.iot.received.map((text) => ['a request to AWS', text] as const))).toEqual([]);
  }, 60_000);

  it('are in no report that Node writes of a running or a crashing batch', async () => {
    const reports = join(factory.directory, 'reports');
    await mkdir(reports);
    const csv = await factory.writeBoards('boards.csv', 3);
    factory.iot.options.onCall = (operation) => {
      if (operation === 'RegisterCertificate') child?.kill('SIGUSR2');
    };
    const node = ['--report-on-signal', '--report-on-fatalerror', '--report-uncaught-exception'];
    const batch = ['batch', 'run', csv, '--workspace', factory.workspace];
    child = spawn(
      process.execPath,
      [...node, `--report-directory=${reports}`, main, ...batch, '--passphrase-file', factory.passphraseFile],
      { env: { ...process.env, ...factory.env }, stdio: 'ignore', cwd: factory.directory },
    );
    expect(await once(child, 'exit')).toEqual([0, null]);
    child = undefined;
    await collect();
    const names = await readdir(reports);
    expect(names.length).toBeGreaterThan(0);
    const texts = await Promise.all(names.map((name) => readFile(join(reports, name), 'utf8')));
    expect(texts.every((text) => text.includes('"javascriptHeap"'))).toBe(true);
    expect(foundIn(texts.map((text) => ['a report', text] as const))).toEqual([]);
    // And nothing of the kind where nobody asked for it.
    expect((await readdir(factory.directory)).toSorted()).toEqual(
      ['boards.csv', 'factory', 'passphrase', 'reports'].toSorted(),
    );
  }, 60_000);
});
