import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fingerprintOf, loadCa } from '../ca/ca-store.ts';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { FactoryFixture, passphrase } from '../testing/factory-fixture.ts';
import { ToolProcess } from '../testing/tool-process.ts';

const newPassphrase = 'canary-passphrase-to-be';

let factory: FactoryFixture;
let tool: ToolProcess;

beforeEach(async () => {
  factory = new FactoryFixture();
  await factory.start();
  await factory.prepare();
  tool = new ToolProcess(factory);
});
afterEach(async () => {
  tool.kill();
  await factory.stop();
});

/** Kills the command at its first, second, … effect on the disk, until it comes to its end; after each kill `check`. */
async function killEverywhere(words: string[], check: () => Promise<void>): Promise<number> {
  for (let n = 1; ; n++) {
    const { code } = await tool.run(words, { file: '*', operation: 'any', at: n, effect: 'kill-after' });
    if (code !== null) {
      expect(code).toBe(0);
      return n - 1;
    }
    await check();
  }
}

const signing = () => ['--passphrase-file', factory.passphraseFile];

it('an issuing CA is rolled over while a batch is open, killed at every effect on the disk', async () => {
  const csv = await factory.writeBoards('boards.csv', 6);
  const batch = ['batch', 'run', csv, '--boards-in-flight', '2', ...signing()];
  let registered = 0;
  factory.iot.options.onCall = (operation, done) => {
    if (operation === 'RegisterCertificate' && !done && ++registered === 3) tool.kill();
  };
  expect((await tool.run(batch)).code).toBeNull();
  factory.iot.options.onCall = () => undefined;

  const rollOver = ['ca', 'roll-over', ...signing()];
  let generation = 1;
  const kills = await killEverywhere(rollOver, async () => {
    const { current, issuing } = await loadCa(factory.workspace);
    const { state } = await replayJournal(journalPath(factory.workspace));
    // Cut short, the same command goes on: it never makes a second CA.
    if (current.generation > generation && !state.issuingCas.has(fingerprintOf(issuing))) {
      await factory.succeed(...rollOver);
      expect((await loadCa(factory.workspace)).current.generation).toBe(current.generation);
    }
    generation = (await loadCa(factory.workspace)).current.generation;
  });
  expect(kills).toBeGreaterThan(10);

  await factory.succeed('ca', 'register');
  expect((await tool.run(batch)).code).toBe(0);
  await factory.succeed('batch', 'verify', 'boards');
  const { stdout } = await factory.cli('batch', 'reconcile', 'boards');
  expect(stdout).toContain('agree');
  expect([...factory.iot.certificates.values()].map(({ status }) => status)).toEqual(
    Array<string>(6).fill('ACTIVE'),
  );
  // Boards of the CA before, and of the one now.
  const bundles = join(factory.workspace, 'batches', 'boards', 'bundles');
  const issuers = new Set<string>();
  for (const name of await readdir(bundles))
    issuers.add(new X509Certificate(await readFile(join(bundles, name, 'device.crt'))).issuer);
  expect(issuers.size).toBe(2);
  await factory.succeed('audit', 'verify');
}, 120_000);

describe('a passphrase', () => {
  /** Which of the two opens a key file. */
  async function opening(name: string): Promise<string> {
    const key = await readFile(join(factory.workspace, 'ca', name), 'utf8');
    for (const secret of [passphrase, newPassphrase]) {
      try {
        createPrivateKey({ key, passphrase: secret });
        return secret;
      } catch {
        // The other one, then.
      }
    }
    return 'neither';
  }

  it('is changed, killed at every effect on the disk: each key opens, and in the end with the new one', async () => {
    const file = join(factory.directory, 'new');
    await writeFile(file, `${newPassphrase}\n`, { mode: 0o600 });
    const change = ['ca', 'passphrase', ...signing(), '--new-passphrase-file', file];
    const seen = new Set<string>();
    const kills = await killEverywhere(change, async () => {
      const both = await Promise.all(['root.key', 'issuing.key'].map(opening));
      expect(both).not.toContain('neither');
      seen.add(both.join());
    });
    expect(kills).toBeGreaterThan(5);
    expect([...seen]).toEqual(
      [
        [passphrase, passphrase],
        [newPassphrase, passphrase],
        [newPassphrase, newPassphrase],
      ].map((pair) => pair.join()),
    );
    expect(await Promise.all(['root.key', 'issuing.key'].map(opening))).toEqual([
      newPassphrase,
      newPassphrase,
    ]);
    await factory.succeed('audit', 'verify');
  }, 120_000);
});
