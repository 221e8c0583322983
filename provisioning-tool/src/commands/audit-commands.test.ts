import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../clock.ts';
import { exists } from '../files/durable-files.ts';
import { Journal } from '../journal/journal.ts';
import { FactoryFixture, passphrase } from '../testing/factory-fixture.ts';

interface Shown {
  entries: { seq: number; type: string; command?: string; exit_code?: number; words?: string[] }[];
}

describe('audit', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
  });

  afterEach(async () => {
    await factory.stop();
  });

  const path = () => join(factory.workspace, 'audit.jsonl');
  const show = async (...more: string[]) =>
    (JSON.parse((await factory.succeed('audit', 'show', '--json', ...more)).stdout) as Shown).entries;
  const verify = (...more: string[]) => factory.cli('audit', 'verify', '--json', ...more);

  it('has a beginning and an end of every command that changes something, also of those that were refused', async () => {
    await factory.prepare();
    const csv = await factory.writeBoards('boards.csv', 2);
    await factory.succeed('batch', 'plan', csv);
    await factory.succeed('batch', 'run', csv, '--dry-run');
    await factory.runBatch(csv);
    await factory.cli('ca', 'init', '--passphrase-file', factory.passphraseFile);
    const entries = await show();
    expect(entries.map(({ type, command, exit_code }) => [type, command, exit_code])).toEqual([
      ['command_begun', 'ca init', undefined],
      ['command_ended', 'ca init', 0],
      ['command_begun', 'ca register', undefined],
      ['command_ended', 'ca register', 0],
      ['command_begun', 'station init', undefined],
      ['command_ended', 'station init', 0],
      ['command_begun', 'batch run', undefined],
      ['command_ended', 'batch run', 0],
      ['command_begun', 'ca init', undefined],
      ['command_ended', 'ca init', 7],
    ]);
    expect(entries[6]?.words).toContain(csv);
    const log = await readFile(path(), 'utf8');
    const labels = await readFile(join(factory.workspace, 'batches', 'boards', 'labels.csv'), 'utf8');
    for (const [, code = ''] of labels.matchAll(/,(\S{20})\n/g)) expect(log).not.toContain(code);
    expect(log).not.toContain(passphrase);
  });

  it('shows what concerns a batch, an account or a time', async () => {
    await factory.prepare();
    await factory.runBatch(await factory.writeBoards('first.csv', 1));
    await factory.runBatch(await factory.writeCsv('second.csv', 'serial,model\nN4K-000009,n4k\n'));
    expect((await show('--batch', 'second')).map(({ seq }) => seq)).toEqual([9, 10]);
    expect(await show('--last', '3')).toHaveLength(3);
    expect(await show('--since', '2999-01-01')).toEqual([]);
    expect(await show('--operator', 'nobody-here')).toEqual([]);
    expect((await factory.cli('audit', 'show', '--since', 'yesterday')).exitCode).toBe(2);
    expect((await factory.cli('audit', 'show', '--last', '0')).exitCode).toBe(2);
    expect((await factory.succeed('audit', 'show')).stdout).toMatch(/batch run begins .*second\.csv/);
  });

  it('leaves no folder where the tool was called by mistake, or needs none', async () => {
    expect((await factory.cli('station', 'init', '--station-id', '?')).exitCode).toBe(2);
    expect((await factory.cli('ca', 'register')).exitCode).toBe(5);
    const sample = [
      '--activation-url',
      'https://app.example.com',
      '--out',
      join(factory.directory, 'sample.pdf'),
    ];
    await factory.succeed('labels', 'sample', ...sample);
    expect(await exists(factory.workspace)).toBe(false);
    expect((await factory.succeed('audit', 'show')).stdout).toContain('no such entry');
  });

  it('verifies both chains, and finds what was noted', async () => {
    await factory.prepare();
    const noted = (JSON.parse((await verify()).stdout) as { head: string }).head;
    await factory.runBatch(await factory.writeBoards('boards.csv', 2));
    const answer = await verify('--noted', noted);
    expect(answer.exitCode).toBe(0);
    expect(JSON.parse(answer.stdout)).toMatchObject({ entries: 8, not_ended: [], noted_found: true });
    expect((await factory.cli('audit', 'verify')).stdout).toContain('Note this, away from this computer: 8:');
    expect((await verify('--noted', `6:${'a'.repeat(64)}`)).stderr).toContain('the log was rewritten');
    expect((await verify('--noted', `99:${'a'.repeat(64)}`)).stderr).toContain('its end was cut off');
    expect((await verify('--noted', 'x')).exitCode).toBe(2);
  });

  it('is written beside a run, whose last line it does not vouch for', async () => {
    factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
    await factory.prepare();
    await factory.runBatch(await factory.writeBoards('boards.csv', 2));
    const run = await Journal.open(factory.workspace, systemClock);
    await factory.succeed('labels', 'print', 'boards');
    await run.close();
    const [begun, printed, ended] = (await show()).slice(-3);
    expect([begun?.type, printed?.type, ended?.type]).toEqual([
      'command_begun',
      'labels_printed',
      'command_ended',
    ]);
    expect(ended).toMatchObject({ exit_code: 0 });
    expect(ended).not.toHaveProperty('journal');
    expect((await verify()).exitCode).toBe(0);
  });

  it('names commands that were killed', async () => {
    await factory.prepare();
    const lines = (await readFile(path(), 'utf8')).split('\n');
    await writeFile(path(), `${lines.slice(0, 5).join('\n')}\n`, { mode: 0o600 });
    expect(JSON.parse((await verify()).stdout)).toMatchObject({ not_ended: [{ seq: 5 }] });
    expect((await factory.cli('audit', 'verify')).stdout).toContain('began and did not end');
  });

  it('sees that the journal was cut off or replaced, though its own chain holds', async () => {
    await factory.prepare();
    const journal = join(factory.workspace, 'journal.jsonl');
    const before = await readFile(journal, 'utf8');
    await factory.runBatch(await factory.writeBoards('boards.csv', 1));
    const log = await readFile(path(), 'utf8');
    await writeFile(journal, before, { mode: 0o600 });
    expect(await verify()).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('its end was cut off'),
    });
    // As somebody would who knows what remembers the journal's end.
    await factory.forgetJournalEnd();
    await factory.runBatch(
      await factory.writeCsv('other.csv', 'serial,model\nN4K-000201,n4k\nN4K-000202,n4k\n'),
    );
    await writeFile(path(), log, { mode: 0o600 });
    expect(await verify()).toMatchObject({ exitCode: 8, stderr: expect.stringContaining('was replaced') });
  });
});
