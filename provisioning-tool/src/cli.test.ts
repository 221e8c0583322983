import { randomBytes, X509Certificate } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatActivationCode, generateActivationCode } from '@aovis/contracts/activation-code';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findMode } from './files/durable-files.ts';
import { FactoryFixture } from './testing/factory-fixture.ts';

describe('aovis-provision', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
  });

  afterEach(async () => {
    await factory.stop();
  });

  const caInit = () => factory.succeed('ca', 'init', '--passphrase-file', factory.passphraseFile);

  it('teaches: each command has help with its flags, on stdout', async () => {
    for (const command of [
      [],
      ['ca'],
      ['ca', 'init'],
      ['ca', 'register'],
      ['ca', 'show'],
      ['station', 'init'],
      ['station', 'show'],
      ['batch', 'plan'],
      ['batch', 'run'],
      ['batch', 'status'],
      ['batch', 'verify'],
    ]) {
      const answer = await factory.cli(...command, '--help');
      expect(answer).toMatchObject({ exitCode: 0, stderr: '' });
      expect(answer.stdout).toContain('Usage: aovis-provision');
    }
    expect((await factory.cli('batch', 'run', '--help')).stdout).toContain('--tps-register-certificate');
  });

  it('answers wrong usage with 2 and what to do', async () => {
    expect(await factory.cli('batch', 'run')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("missing required argument 'boards.csv'"),
    });
    expect((await factory.cli('batch', 'fly')).exitCode).toBe(2);
    expect((await factory.cli('ca', 'init', '--passphrase', 'secret')).exitCode).toBe(2);
    expect((await factory.cli('ca', 'init', '--key', 'dsa')).exitCode).toBe(2);
    expect((await factory.cli('ca', 'init', '--years', '0')).exitCode).toBe(2);
  });

  it('does not repeat an activation code that was typed where none belongs', async () => {
    const code = generateActivationCode(randomBytes);
    const printed = formatActivationCode(code);
    for (const words of [
      ['labels', 'check', `--${printed}`],
      ['labels', 'check', `--kode=${code}`],
      ['batch', printed],
      [code],
      ['ca', 'show', printed],
      ['ca', 'init', '--years', printed],
      ['ca', 'init', '--key', code.toLowerCase()],
    ]) {
      const answer = await factory.cli(...words);
      expect([words, answer.exitCode, answer.stderr]).toEqual([words, 2, expect.stringMatching(/\S/)]);
      expect(answer.stdout).toBe('');
      for (const part of [code, ...printed.split('-')])
        expect(answer.stderr.toUpperCase()).not.toContain(part);
    }
    const unknown = await factory.cli('labels', 'check', `--${printed}`);
    expect(unknown.stderr).toContain('unknown option');
    expect(unknown.stderr).toContain('[activation code]');
  });

  it('names a workspace that cannot be made, as the disk has it', async () => {
    await writeFile(factory.workspace, 'a file where a folder must be');
    expect(await factory.cli('ca', 'init', '--passphrase-file', factory.passphraseFile)).toMatchObject({
      exitCode: 8,
      stderr: expect.stringMatching(
        /The disk refuses \((ENOTDIR|EEXIST).*; mend that, then run the same command/,
      ),
    });
  });

  it('with --json speaks JSON, also when it refuses', async () => {
    const answer = await factory.cli('ca', 'show', '--json');
    expect(answer).toMatchObject({ exitCode: 5, stdout: '' });
    expect(JSON.parse(answer.stderr)).toMatchObject({
      error: { code: 'ca', exit_code: 5, message: expect.stringContaining('aovis-provision ca init') },
    });
  });

  it('makes a CA once, in files for the owner alone', async () => {
    await caInit();
    for (const name of ['root.crt', 'root.key', 'issuing.crt', 'issuing.key'])
      expect(await findMode(join(factory.workspace, 'ca', name))).toBe(0o600);
    expect(await findMode(join(factory.workspace, 'ca'))).toBe(0o700);
    expect(await readFile(join(factory.workspace, 'ca', 'issuing.key'), 'utf8')).toContain(
      'ENCRYPTED PRIVATE KEY',
    );
    const again = await factory.cli('ca', 'init', '--passphrase-file', factory.passphraseFile);
    expect(again).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('never overwritten') });
    const shown = JSON.parse((await factory.cli('ca', 'show', '--json')).stdout) as Record<string, unknown>;
    expect(shown).toMatchObject({ registrations: [] });
    expect(shown['subject']).toMatch(/^O=AOVIS, CN=AOVIS Camera Factory CA [0-9a-f]{8}$/);
  });

  it('takes no passphrase that is short, missing, or lies open', async () => {
    const init = () => factory.cli('ca', 'init', '--passphrase-file', factory.passphraseFile);
    await writeFile(factory.passphraseFile, 'short\n');
    expect(await init()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('at least 12') });
    await writeFile(factory.passphraseFile, '');
    expect(await init()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is empty') });
    await chmod(factory.passphraseFile, 0o644);
    expect(await init()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('chmod 600') });
    expect(await factory.cli('ca', 'init', '--no-input')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--passphrase-file'),
    });
    expect(await factory.cli('ca', 'init', '--passphrase-file', '/nonexistent')).toMatchObject({
      exitCode: 2,
    });
  });

  it('registers the CA without proof (SNI_ONLY), again, and after it was deactivated', async () => {
    await caInit();
    expect((await factory.cli('ca', 'register')).exitCode).toBe(0);
    const [ca] = [...factory.iot.cas.values()];
    expect(ca).toMatchObject({ status: 'ACTIVE', mode: 'SNI_ONLY' });
    if (ca) ca.status = 'INACTIVE';
    const again = await factory.cli('ca', 'register', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ already_registered: true, mode: 'SNI_ONLY' });
    expect(ca?.status).toBe('ACTIVE');
    expect(
      (await factory.cli('ca', 'register', '--mode', 'DEFAULT', '--passphrase-file', factory.passphraseFile))
        .exitCode,
    ).toBe(7);
    expect((await factory.cli('ca', 'show')).stdout).toContain('eu-central-1, SNI_ONLY');
  });

  it('registers the CA with proof of its key (DEFAULT)', async () => {
    await caInit();
    expect((await factory.cli('ca', 'register', '--mode', 'DEFAULT', '--no-input')).exitCode).toBe(2);
    const answer = await factory.cli(
      'ca',
      'register',
      '--mode',
      'DEFAULT',
      '--passphrase-file',
      factory.passphraseFile,
    );
    expect(answer.exitCode).toBe(0);
    expect([...factory.iot.cas.values()]).toMatchObject([{ status: 'ACTIVE', mode: 'DEFAULT' }]);
  });

  it('makes a station key once and shows its public half', async () => {
    const made = JSON.parse((await factory.succeed('station', 'init', '--json')).stdout);
    expect(made).toMatchObject({
      station_id: 'line-1',
      public_key_pem: expect.stringContaining('BEGIN PUBLIC KEY'),
    });
    expect(JSON.parse((await factory.succeed('station', 'show', '--json')).stdout)).toEqual(made);
    expect(await findMode(join(factory.workspace, 'station', 'station.key'))).toBe(0o600);
    expect((await factory.cli('station', 'init')).exitCode).toBe(7);
    await chmod(join(factory.workspace, 'station', 'station.key'), 0o640);
    expect(await factory.cli('station', 'show')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('chmod 600'),
    });
  });

  it('with --dry-run changes nothing', async () => {
    await factory.succeed('ca', 'init', '--dry-run');
    await factory.succeed('station', 'init', '--dry-run');
    await expect(factory.files()).rejects.toThrow('ENOENT');
    await factory.prepare();
    const before = await factory.files();
    const csv = await factory.writeBoards('boards.csv', 3);
    const calls = factory.iot.calls.length;
    const planned = await factory.succeed('batch', 'run', csv, '--dry-run', '--json');
    expect(JSON.parse(planned.stdout)).toMatchObject({ boards: 3, new: 3, backend_checked: true });
    expect((await factory.succeed('ca', 'register', '--dry-run')).stdout).toContain('Nothing was done');
    expect(await factory.files()).toEqual(before);
    expect(factory.iot.calls).toHaveLength(calls);
    expect(factory.backend.dryRuns).toBe(1);
  });

  it('says how long the quotas make a batch', async () => {
    await factory.prepare();
    const csv = await factory.writeBoards('boards.csv', 600);
    const plan = await factory.succeed('batch', 'plan', csv, '--json', '--tps-register-certificate', '10');
    expect(JSON.parse(plan.stdout)).toMatchObject({ boards: 600, seconds_at_least: 60 });
    expect((await factory.cli('batch', 'plan', csv, '--tps-register-certificate', '10')).stdout).toContain(
      'The quotas make it at least 1 m 0 s.',
    );
    expect(factory.backend.dryRuns).toBe(6);
  });

  it('refuses settings it does not know', async () => {
    await caInit();
    await writeFile(join(factory.workspace, 'config.json'), '{"regoin":"eu-central-1"}');
    expect(await factory.cli('ca', 'register')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('regoin is no setting'),
    });
    await writeFile(join(factory.workspace, 'config.json'), '{');
    expect((await factory.cli('ca', 'register')).exitCode).toBe(2);
  });

  it('shows batches on one screen', async () => {
    await factory.prepare();
    expect((await factory.succeed('batch', 'status')).stdout).toContain('There is no batch yet');
    await factory.runBatch(await factory.writeBoards('boards.csv', 3));
    expect((await factory.succeed('batch', 'status', '--plain')).stdout).toMatch(/^boards\t3\t3\t3\t/m);
    const one = await factory.succeed('batch', 'status', 'boards', '--json');
    expect(JSON.parse(one.stdout)).toMatchObject({ stages: { waiting: 0, handed_over: 3 }, failures: [] });
    expect((await factory.cli('batch', 'status', 'other')).exitCode).toBe(2);
  });

  it('verify finds what was changed since', async () => {
    await factory.prepare();
    await factory.runBatch(await factory.writeBoards('boards.csv', 4));
    const bundle = (name: string, file: string) =>
      join(factory.workspace, 'batches', 'boards', 'bundles', `aovis-n4k-00000${name}`, file);
    await chmod(bundle('1', 'device.key'), 0o644);
    await writeFile(bundle('2', 'device.key'), await readFile(bundle('3', 'device.key')));
    const labels = join(factory.workspace, 'batches', 'boards', 'labels.csv');
    await writeFile(
      labels,
      (await readFile(labels, 'utf8')).replace(/(N4K-000003,.*,)\S+/, '$1000000-000000-000000'),
    );
    const fourth = new X509Certificate(await readFile(bundle('4', 'device.crt')));
    for (const certificate of factory.iot.certificates.values())
      if (new X509Certificate(certificate.pem).subject === fourth.subject) certificate.status = 'REVOKED';
    const answer = await factory.cli('batch', 'verify', 'boards', '--json');
    expect(answer.exitCode).toBe(7);
    expect((JSON.parse(answer.stdout) as { problems: unknown[] }).problems).toEqual([
      { serial: 'N4K-000001', problem: 'device.key has mode 0644, not 0600' },
      expect.objectContaining({
        serial: 'N4K-000002',
        problem: 'the key does not belong to the certificate',
      }),
      expect.objectContaining({
        serial: 'N4K-000003',
        problem: 'the code on its label is not the one handed over',
      }),
      expect.objectContaining({ serial: 'N4K-000004', problem: 'the certificate is REVOKED at AWS IoT' }),
    ]);
    const offline = await factory.cli('batch', 'verify', 'boards', '--offline', '--json');
    expect((JSON.parse(offline.stdout) as { problems: unknown[] }).problems).toHaveLength(3);
  });
});
