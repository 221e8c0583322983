import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { activationCodeDigest, readActivationCode } from '@aovis/contracts/activation-code';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exists } from '../files/durable-files.ts';
import { FactoryFixture } from '../testing/factory-fixture.ts';

const serial = 'N4K-000001';
const deviceId = 'aovis-n4k-000001';
const reason = ['--reason', 'a test of this'] as const;

describe('device commands', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 2))).exitCode).toBe(0);
  });

  afterEach(async () => {
    await factory.stop();
  });

  const inBatch = (...path: string[]) => join(factory.workspace, 'batches', 'boards', ...path);
  const signing = () => ['--passphrase-file', factory.passphraseFile];
  const stored = () => factory.backend.devices.get(deviceId);
  const statusOf = (id: string) => factory.iot.certificates.get(id)?.status;
  const certificateIn = async (...path: string[]) =>
    new X509Certificate(await readFile(join(inBatch(...path), 'device.crt'))).fingerprint256
      .replaceAll(':', '')
      .toLowerCase();

  async function labelDigests(batch = 'boards'): Promise<string[]> {
    const text = await readFile(join(factory.workspace, 'batches', batch, 'labels.csv'), 'utf8');
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${serial},`))
      .map((line) => {
        const reading = readActivationCode(line.split(',')[3] ?? '');
        return reading.ok ? activationCodeDigest(serial, reading.code) : '';
      });
  }

  async function expectAllAgree(batch = 'boards'): Promise<void> {
    const answer = await factory.cli('batch', 'reconcile', batch);
    expect(answer).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('agree') });
    expect((await factory.cli('batch', 'verify', batch)).exitCode).toBe(0);
    expect((await factory.cli('audit', 'verify')).exitCode).toBe(0);
  }

  it('reissue-code: the label and the backend have a new code, the old one is gone', async () => {
    const before = stored();
    const said = (await factory.succeed('device', 'reissue-code', serial, ...reason)).stdout;
    expect(said).toContain(`aovis-provision labels print boards --serial ${serial}\n`);
    expect(stored()).toMatchObject({ code_epoch: 2, certificate_id: before?.certificate_id });
    expect(stored()?.activation_code_digest).not.toBe(before?.activation_code_digest);
    expect(await labelDigests()).toEqual([stored()?.activation_code_digest]);
    await expectAllAgree();
    const csv = await factory.writeBoards('boards.csv', 2);
    expect((await factory.cli('batch', 'run', csv, '--no-input')).exitCode).toBe(0);
    await factory.succeed('device', 'reissue-code', serial, ...reason);
    expect(stored()?.code_epoch).toBe(3);
    await expectAllAgree();
  });

  it('rotate: a new key and certificate, the one before revoked and forgotten', async () => {
    const before = stored()?.certificate_id ?? '';
    const key = await readFile(inBatch('bundles', deviceId, 'device.key'), 'utf8');
    await factory.succeed('device', 'rotate', serial, ...reason, ...signing());
    const after = stored()?.certificate_id ?? '';
    expect(after).not.toBe(before);
    expect([statusOf(before), statusOf(after)]).toEqual(['REVOKED', 'ACTIVE']);
    expect([...(factory.iot.things.get(deviceId)?.principals ?? [])]).toEqual([after]);
    expect(await certificateIn('bundles', deviceId)).toBe(after);
    expect(await readFile(inBatch('bundles', deviceId, 'device.key'), 'utf8')).not.toBe(key);
    expect(await exists(inBatch('replaced', deviceId))).toBe(false);
    expect(factory.iot.things.get(deviceId)?.attributes['first_certificate_id']).toBe(before);
    expect(stored()?.code_epoch).toBe(1);
    await expectAllAgree();
  });

  it('rma: both are new under the same serial', async () => {
    const before = stored();
    await factory.succeed('device', 'rma', serial, ...reason, ...signing());
    expect(statusOf(before?.certificate_id ?? '')).toBe('REVOKED');
    expect(stored()?.certificate_id).not.toBe(before?.certificate_id);
    expect(stored()?.code_epoch).toBe(2);
    expect(await labelDigests()).toEqual([stored()?.activation_code_digest]);
    await expectAllAgree();
  });

  it('rma by another board: this one is destroyed, and the backend knows by which', async () => {
    const words = ['device', 'rma', serial, '--replaced-by', 'aovis-n4k-000002', ...reason];
    for (const confirm of [[], ['--confirm', 'N4K-000002']])
      expect(await factory.cli(...words, ...confirm)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining(`say so with --confirm ${serial}`),
      });
    expect(factory.backend.statuses.get(deviceId)).toBeUndefined();
    await factory.succeed(...words, '--confirm', serial);
    expect(factory.backend.statuses.get(deviceId)).toBe('retired');
    expect(factory.backend.changes.at(-1)).toMatchObject({
      action: 'retire_board',
      replaced_by: 'N4K-000002',
      reason: 'a test of this',
    });
  });

  it('show: a table for a person, by serial or device id', async () => {
    const { stdout } = await factory.succeed('device', 'show', deviceId);
    expect(stdout).not.toMatch(/[{}[\]"]/);
    expect(stdout).toMatch(/^here +serial +N4K-000001$/m);
    expect(stdout).toMatch(/^AWS IoT +certificate +ACTIVE$/m);
    expect(stdout).toMatch(/^AWS IoT +attached +the certificate above$/m);
    expect(stdout).toMatch(/^backend +status +provisioned$/m);
    expect(stdout).toMatch(/^backend +activation code +number 1, the one known here$/m);
    const shown = JSON.parse((await factory.succeed('device', 'show', serial, '--json')).stdout) as object;
    expect(shown).toMatchObject({ serial, at_backend: { same_code: true, owned: false } });
    const offline = await factory.succeed('device', 'show', serial, '--offline');
    expect(offline.stdout).not.toContain('AWS');
    await factory.succeed('device', 'revoke', deviceId, ...reason);
    expect((await factory.succeed('device', 'show', serial)).stdout).toMatch(
      /^AWS IoT +certificate +REVOKED$/m,
    );
    expect(await factory.cli('device', 'show', 'aovis-1')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('neither a serial'),
    });
  });

  it('transfer: bundle, label, thing and backend move along', async () => {
    const other = await factory.writeCsv('other.csv', 'serial,model\nN4K-000009,n4k\n');
    expect((await factory.runBatch(other)).exitCode).toBe(0);
    await factory.succeed('device', 'transfer', serial, '--to-batch', 'other', ...reason);
    expect(await exists(inBatch('bundles', deviceId))).toBe(false);
    expect(await labelDigests()).toEqual([]);
    expect(await labelDigests('other')).toEqual([stored()?.activation_code_digest]);
    expect(factory.iot.things.get(deviceId)?.attributes['batch']).toBe('other');
    expect((await factory.succeed('audit', 'show', '--batch', 'other')).stdout).toContain(
      'device transfer begins',
    );
    expect(factory.backend.batches.get(deviceId)).toBe('other');
    await expectAllAgree();
    await expectAllAgree('other');
    // The lists they came from can be run again.
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 2))).exitCode).toBe(0);
    expect((await factory.runBatch(other)).exitCode).toBe(0);
    await factory.succeed('device', 'transfer', serial, '--to-batch', 'boards', ...reason);
    await expectAllAgree();
    await expectAllAgree('other');
  });

  it('revoke: every certificate of the board, also one from the field; twice is once', async () => {
    const field = 'd'.repeat(64);
    const own = factory.iot.certificates.get(stored()?.certificate_id ?? '');
    factory.iot.certificates.set(field, {
      pem: own?.pem ?? '',
      status: 'ACTIVE',
      policies: new Set(),
      createdAt: 0,
    });
    factory.iot.things.get(deviceId)?.principals.add(field);
    await factory.succeed('device', 'revoke', serial, ...reason);
    expect([own?.status, statusOf(field)]).toEqual(['REVOKED', 'REVOKED']);
    expect(factory.backend.statuses.get(deviceId)).toBe('revoked');
    const again = await factory.succeed('device', 'revoke', serial, ...reason, '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ result: 'unchanged' });
    expect(factory.backend.changes).toHaveLength(1);
    expect(await factory.cli('device', 'rotate', serial, ...reason, ...signing())).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('was revoked'),
    });
    await expectAllAgree();
  });

  it('revoked and destroyed boards count as what they are, not as finished or handed over', async () => {
    await factory.succeed('device', 'revoke', serial, ...reason);
    await factory.succeed('device', 'destroy', 'N4K-000002', '--confirm', 'N4K-000002', ...reason);
    const counts = { boards: 2, finished: 0, handed_over: 0, revoked: 1, destroyed: 1 };
    const { stdout: all } = await factory.succeed('batch', 'status', '--json');
    expect(JSON.parse(all)).toMatchObject({ batches: [counts] });
    const { stdout: one } = await factory.succeed('batch', 'status', 'boards', '--json');
    expect(JSON.parse(one)).toMatchObject({
      stages: { waiting: 0, active: 0, handed_over: 0, revoked: 1, destroyed: 1 },
    });
    expect((await factory.succeed('batch', 'status', 'boards')).stdout).toContain('Check it with');
    const { stdout: verified } = await factory.succeed('batch', 'verify', 'boards', '--json');
    expect(JSON.parse(verified)).toMatchObject({
      verified: 0,
      revoked: 1,
      destroyed: 1,
      unfinished: 0,
      not_handed_over: 0,
    });
    expect((await factory.succeed('batch', 'verify', 'boards')).stdout).toContain(
      'No longer boards: 1 revoked, 1 destroyed.',
    );
  });

  it('revoke does not wait for a backend that is away; the same command tells it later', async () => {
    factory.backend.fault = () => 503;
    const patience = ['--outage-patience-seconds', '0'];
    const answer = await factory.cli('device', 'revoke', serial, ...reason, ...patience);
    expect(answer.exitCode).toBe(4);
    expect(statusOf(stored()?.certificate_id ?? '')).toBe('REVOKED');
    expect((await factory.cli('device', 'show', serial)).stdout).toContain('revoke not finished');
    factory.backend.fault = () => undefined;
    await factory.succeed('device', 'revoke', serial, ...reason);
    expect(factory.backend.statuses.get(deviceId)).toBe('revoked');
  });

  it('destroy: nothing is left of it, and only with its name said twice', async () => {
    expect(await factory.cli('device', 'destroy', serial, ...reason)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`--confirm ${serial}`),
    });
    factory.backend.owned.add(deviceId);
    const command = ['device', 'destroy', serial, '--confirm', serial, ...reason];
    expect(await factory.cli(...command)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('have it released'),
    });
    factory.backend.owned.delete(deviceId);
    const before = stored()?.certificate_id ?? '';
    await factory.succeed(...command);
    expect(factory.iot.things.has(deviceId)).toBe(false);
    expect(factory.iot.certificates.has(before)).toBe(false);
    expect(await exists(inBatch('bundles', deviceId))).toBe(false);
    expect(await labelDigests()).toEqual([]);
    expect(factory.backend.statuses.get(deviceId)).toBe('retired');
    await expectAllAgree();
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 2))).exitCode).toBe(0);
    expect(factory.iot.things.has(deviceId)).toBe(false);
  });

  it('a dry run lists the steps and does nothing; a board of nowhere is refused', async () => {
    const calls = factory.iot.calls.length;
    const answer = await factory.succeed('device', 'rma', serial, ...reason, '--dry-run');
    expect(answer.stdout).toContain('revoke every other certificate of the board');
    expect(factory.iot.calls).toHaveLength(calls);
    expect((await factory.cli('device', 'revoke', 'N4K-999999', ...reason)).exitCode).toBe(2);
    expect((await factory.cli('device', 'revoke', serial)).stderr).toContain('--reason');
  });

  it('refuses another change while one is not finished; revoking takes its place', async () => {
    factory.iot.options.fault = (operation) =>
      operation === 'AttachThingPrincipal'
        ? { kind: 'refuse', status: 403, code: 'AccessDeniedException' }
        : undefined;
    expect((await factory.cli('device', 'rma', serial, ...reason, ...signing())).exitCode).toBe(6);
    factory.iot.options.fault = () => undefined;
    const made = [...factory.iot.certificates.keys()].at(-1) ?? '';
    expect(await factory.cli('device', 'reissue-code', serial, ...reason)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('device rma'),
    });
    expect((await factory.cli('batch', 'reconcile', 'boards')).stdout).toContain('(rma) was begun');
    await factory.succeed('device', 'revoke', serial, ...reason);
    expect([...factory.iot.certificates.values()].filter(({ status }) => status === 'ACTIVE')).toHaveLength(
      1,
    );
    expect(statusOf(made)).toBe('REVOKED');
  });

  const commands: [name: string, argv: (workspace: FactoryFixture) => string[]][] = [
    ['reissue-code', () => []],
    ['rotate', (f) => ['--passphrase-file', f.passphraseFile]],
    ['rma', (f) => ['--passphrase-file', f.passphraseFile]],
    ['transfer', () => ['--to-batch', 'other']],
    ['destroy', () => ['--confirm', serial]],
  ];
  it.each(commands)(
    '%s, cut short at each of its calls with the answer lost, goes on',
    async (name, argv) => {
      const other = await factory.writeCsv('other.csv', 'serial,model\nN4K-000009,n4k\n');
      await factory.runBatch(other);
      const command = ['device', name, serial, ...reason, ...argv(factory), '--outage-patience-seconds', '0'];
      let cuts = 0;
      for (let n = 1; n < 60; n++) {
        let call = 0;
        factory.iot.options.fault = () => (++call === n ? { kind: 'lose' } : undefined);
        let push = 0;
        factory.backend.fault = () => (++push === 1 && n % 2 === 0 ? 'lose' : undefined);
        const answer = await factory.cli(...command);
        if (answer.exitCode === 0) break;
        expect(answer).toMatchObject({ exitCode: 4 });
        cuts += 1;
        const active = [...factory.iot.certificates].filter(([, { status }]) => status === 'ACTIVE');
        expect(active.length).toBeLessThanOrEqual(4);
      }
      expect(cuts).toBeGreaterThan(0);
      factory.iot.options.fault = () => undefined;
      factory.backend.fault = () => undefined;
      await factory.succeed('device', 'show', serial);
      await expectAllAgree();
      await expectAllAgree('other');
    },
    30_000,
  );
});
