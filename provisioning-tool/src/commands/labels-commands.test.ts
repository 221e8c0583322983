import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exists, findMode } from '../files/durable-files.ts';
import { LockFile } from '../files/lock-file.ts';
import { readBoardCodes } from '../labels/board-codes.ts';
import { readLabelRows } from '../labels/label-rows.ts';
import { FactoryFixture } from '../testing/factory-fixture.ts';

interface Printed {
  labels: number;
  first_prints: number;
  reprints: number;
  sheets: number;
  file: string;
  sha256: string;
}

interface LedgerLine {
  type: string;
  reason?: string;
  file?: string;
  sha256?: string;
  labels: { serial: string; code: string }[];
}

describe('labels', () => {
  let factory: FactoryFixture;
  let codes: Map<string, string>;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
    await factory.prepare();
    await factory.runBatch(await factory.writeBoards('boards.csv', 5));
    const rows = (await readFile(folder('labels.csv'), 'utf8')).trim().split('\n').slice(1);
    codes = new Map(rows.map((row) => [row.split(',')[0] ?? '', row.split(',')[3] ?? '']));
  });

  afterEach(async () => {
    // Whatever was done: no code in what was said, nor in the log.
    const log = await readFile(join(factory.workspace, 'audit.jsonl'), 'utf8');
    const said = factory.said.filter((text) => !text.startsWith('%PDF')).join('\n') + log;
    for (const code of codes.values())
      for (const form of [code, code.replaceAll('-', ''), code.toLowerCase()])
        expect(said).not.toContain(form);
    await factory.stop();
  });

  const folder = (...names: string[]) => join(factory.workspace, 'batches', 'boards', ...names);
  const print = (...more: string[]) => factory.cli('labels', 'print', 'boards', '--json', ...more);
  const printed = async (...more: string[]) => {
    const answer = await print(...more);
    expect(answer).toMatchObject({ exitCode: 0 });
    return JSON.parse(answer.stdout) as Printed;
  };
  const ledgerLines = async () =>
    (await readFile(join(factory.workspace, 'audit.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as LedgerLine)
      .filter(({ type }) => type === 'labels_printed');
  const codeOf = (serial: string) => codes.get(serial) ?? '';

  it('are printed once, into a private file that the ledger knows', async () => {
    const made = await printed();
    expect(made).toMatchObject({ labels: 5, first_prints: 5, reprints: 0, sheets: 1 });
    expect(made.file.startsWith(folder('sheets'))).toBe(true);
    expect(await findMode(made.file)).toBe(0o600);
    expect(await findMode(folder('sheets'))).toBe(0o700);
    const content = await readFile(made.file);
    expect(content.subarray(0, 5).toString()).toBe('%PDF-');
    expect(createHash('sha256').update(content).digest('hex')).toBe(made.sha256);
    const [line, ...rest] = await ledgerLines();
    expect(rest).toEqual([]);
    expect(line).toMatchObject({ file: made.file, sha256: made.sha256 });
    expect(line?.reason).toBeUndefined();
    expect(line?.labels.map(({ serial }) => serial)).toEqual([...codes.keys()]);
  });

  it('are printed again only with a reason, which the ledger keeps', async () => {
    await printed();
    const refused = await print();
    expect(refused).toMatchObject({ exitCode: 7, stdout: '' });
    expect(refused.stderr).toContain('5 labels of batch boards were printed before (N4K-000001 on ');
    expect((await print('--serial', 'N4K-000002')).stderr).toContain(
      '1 label of batch boards was printed before',
    );
    for (const reason of [
      '',
      'no',
      'x'.repeat(201),
      'two\nlines of it',
      `the code is ${codeOf('N4K-000002')}`,
    ])
      expect(await print('--serial', 'N4K-000002', '--reason', reason)).toMatchObject({ exitCode: 2 });
    expect(await ledgerLines()).toHaveLength(1);
    const again = await printed('--serial', 'N4K-000002', '--reason', ' torn when applied ');
    expect(again).toMatchObject({ labels: 1, first_prints: 0, reprints: 1 });
    expect((await ledgerLines()).at(-1)).toMatchObject({
      reason: 'torn when applied',
      labels: [{ serial: 'N4K-000002' }],
    });
    const history = await factory.succeed('labels', 'ledger', 'boards', '--serial', 'N4K-000002', '--plain');
    expect(history.stdout).toMatch(/N4K-000002\t\d+\t\S+\t\S+\ta4-24\tfirst print\n.*\ttorn when applied\n/);
    expect((await factory.succeed('labels', 'ledger', 'boards')).stdout).toContain(
      '5 boards; 5 labels printed, 1 of them more than once, 0 never.',
    );
    expect((await factory.succeed('audit', 'show', '--batch', 'boards')).stdout).toContain(
      'labels printed AGAIN',
    );
  });

  it('say in the audit log whether marks were asked for or refused, not both', async () => {
    await printed('--serial', 'N4K-000001', '--no-cut-marks');
    await printed('--serial', 'N4K-000004', '--cut-marks');
    const { stdout } = await factory.succeed('audit', 'show', '--last', '6', '--plain');
    expect(stdout).toMatch(/--serial=N4K-000001.* --no-cut-marks\n/);
    expect(stdout).toMatch(/--serial=N4K-000004.* --cut-marks\n/);
    expect(stdout).not.toContain('--cut-marks --no-cut-marks');
  });

  it('print the rest: only new ones, and those that were not finished before', async () => {
    await printed('--serial', 'N4K-000001', '--serial', 'N4K-000004');
    expect(await printed('--only-new')).toMatchObject({ labels: 3, first_prints: 3, reprints: 0 });
    expect(await printed('--only-new')).toMatchObject({ labels: 0, sheets: 0 });
    const mixed = await factory.cli('labels', 'print', 'boards', '--reason', 'printer ate the sheet');
    expect(mixed.stdout).toContain('0 for the first time, 5 again');
  });

  it('of a code that was issued anew are new, lettered, and the ones before to be destroyed', async () => {
    await printed();
    const old = linkOf('N4K-000003');
    await factory.succeed('device', 'reissue-code', 'N4K-000003', '--reason', 'label was photographed');
    expect(await printed('--only-new')).toMatchObject({ labels: 1, first_prints: 1, reprints: 0 });
    expect((await ledgerLines()).at(-1)).toMatchObject({ labels: [{ serial: 'N4K-000003' }] });
    const board = (await readBoardCodes(factory.workspace, 'boards')).get('N4K-000003');
    const rows = readLabelRows(folder('labels.csv'), new Map(board ? [[board.serial, board]] : []));
    for await (const { text } of rows) {
      expect(text).toMatchObject({ deviceId: 'aovis-n4k-000003', serial: 'N4K-000003 B' });
      codes.set('N4K-000003 B', text.code);
    }
    expect(await factory.cli('labels', 'check', old)).toMatchObject({
      exitCode: 7,
      stdout: expect.stringContaining('from before its code was issued anew: destroy it'),
    });
    expect((await factory.cli('labels', 'check', linkOf('N4K-000003 B'))).exitCode).toBe(0);
  });

  it('of a board that moved to another batch were printed all the same', async () => {
    await printed();
    await factory.runBatch(await factory.writeCsv('second.csv', 'serial,model\nN4K-000009,n4k\n'));
    await factory.succeed(
      'device',
      'transfer',
      'N4K-000004',
      '--to-batch',
      'second',
      '--reason',
      'short of one',
    );
    expect(await factory.cli('labels', 'print', 'second', '--dry-run')).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('(N4K-000004 on '),
    });
    expect((await factory.succeed('labels', 'print', 'second', '--only-new')).stdout).toContain(
      '1 label of batch',
    );
  });

  it('of a revoked board are not printed, and to be destroyed', async () => {
    await factory.succeed('device', 'revoke', 'N4K-000005', '--reason', 'stolen from the line');
    expect(await printed()).toMatchObject({ labels: 4 });
    expect(await print('--serial', 'N4K-000005')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('N4K-000005 is revoked'),
    });
    expect((await factory.cli('labels', 'check', linkOf('N4K-000005'))).stdout).toContain(
      'destroy its label',
    );
  });

  it('are not printed over a ledger that somebody changed', async () => {
    await printed();
    const log = join(factory.workspace, 'audit.jsonl');
    const text = await readFile(log, 'utf8');
    await writeFile(log, text.replace('"serial":"N4K-000003"', '"serial":"N4K-000009"'), { mode: 0o600 });
    expect(await print('--only-new')).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('cannot be trusted'),
    });
  });

  it('with --dry-run write nothing, and refuse the same', async () => {
    const before = await factory.files();
    expect(await printed('--dry-run', '--skip', '22')).toMatchObject({ dry_run: true, labels: 5, sheets: 2 });
    expect(await factory.files()).toEqual(before);
    await printed();
    expect((await print('--dry-run')).exitCode).toBe(7);
    expect((await factory.succeed('labels', 'sample', '--dry-run')).stdout).toContain('Nothing was done');
  });

  it('go to standard output when asked, and only there', async () => {
    const answer = await factory.cli(
      'labels',
      'print',
      'boards',
      '--label-format',
      'roll-40x20',
      '--out',
      '-',
    );
    expect(answer).toMatchObject({ exitCode: 0, stderr: '5 sheets with 5 labels written.\n' });
    expect(answer.stdout.startsWith('%PDF-')).toBe(true);
    expect(answer.stdout.trimEnd().endsWith('%%EOF')).toBe(true);
    expect(await exists(folder('sheets'))).toBe(false);
    const [line] = await ledgerLines();
    expect(line?.labels).toHaveLength(5);
    expect(line).not.toHaveProperty('file');
  });

  it('refuse what cannot be, with a sentence, and leave nothing behind', async () => {
    const out = join(factory.directory, 'there.pdf');
    await writeFile(out, 'already');
    for (const [words, exitCode, sentence] of [
      [['--serial', 'N4K-000099'], 2, 'N4K-000099 is no board of batch boards'],
      [['--label-format', 'a5-1'], 2, 'no label format a5-1'],
      [['--label-format', 'roll-10x10'], 2, 'too small for a QR code'],
      [['--skip', '24'], 2, 'skips the whole first sheet'],
      [['--shift', 'left'], 2, 'two numbers of millimetres'],
      [['--out', out], 7, 'is there already'],
      [['--out', join(factory.directory, 'nowhere', 'x.pdf')], 8, 'The disk refuses'],
    ] as const)
      expect([words, await print(...words)]).toEqual([
        words,
        { exitCode, stdout: '', stderr: expect.stringContaining(sentence) },
      ]);
    delete factory.env['AOVIS_ACTIVATION_URL'];
    expect(await print()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--activation-url') });
    factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
    expect(await factory.cli('labels', 'print', 'nothing')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('There is no batch nothing here'),
    });
    expect(await ledgerLines()).toEqual([]);
    expect((await readdir(factory.directory)).filter((name) => name.endsWith('.partial'))).toEqual([]);
    expect(await readFile(out, 'utf8')).toBe('already');
  });

  it('need labels.csv whole and closed to others', async () => {
    await chmod(folder('labels.csv'), 0o644);
    expect(await print()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('chmod 600') });
    await chmod(folder('labels.csv'), 0o600);
    const text = await readFile(folder('labels.csv'), 'utf8');
    await writeFile(folder('labels.csv'), text.replace(/^N4K-000003.*\n/m, ''));
    expect(await print()).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('lacks the activation codes of 1 board'),
    });
    expect(await printed('--serial', 'N4K-000001')).toMatchObject({ labels: 1 });
  });

  it('clear what a killed print left, and let no two prints run at once', async () => {
    await mkdir(folder('sheets'), { mode: 0o700 });
    await writeFile(folder('sheets', '.20261121T000000000Z-a4-24.pdf.partial'), 'codes', { mode: 0o600 });
    const lock = await LockFile.acquire(folder('labels.lock'));
    expect(await print()).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('Another run') });
    await lock.release();
    await printed();
    expect((await readdir(folder('sheets'))).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('make samples that are worth nothing', async () => {
    const path = join(factory.directory, 'sample.pdf');
    await factory.succeed('labels', 'sample', '--label-format', 'a4-cut', '--out', path, '--shift', '-1.5,2');
    expect((await readFile(path)).subarray(0, 5).toString()).toBe('%PDF-');
    expect(await ledgerLines()).toEqual([]);
    expect((await factory.succeed('labels', 'formats')).stdout).toMatch(/a4-65 +65 +A4, 65 labels/);
  });

  const scan = (lines: string[], ...more: string[]) =>
    factory.cliWithInput(`${lines.join('\n')}\n`, 'labels', 'check', '--json', ...more);
  const linkOf = (serial: string) => `https://app.example.com/a#${codeOf(serial).replaceAll('-', '')}`;

  it('scanned back say whose they are', async () => {
    const one = await factory.cli('labels', 'check', linkOf('N4K-000003'), '--batch', 'boards');
    expect(one).toEqual({ exitCode: 0, stderr: '', stdout: 'ok  N4K-000003  n4k  batch boards\n' });
    const many = await scan([linkOf('N4K-000001'), '', codeOf('N4K-000002'), linkOf('N4K-000001')]);
    expect(many.exitCode).toBe(0);
    expect(
      many.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { ok: true, serial: 'N4K-000001' },
      { ok: true, serial: 'N4K-000002' },
      { ok: true, serial: 'N4K-000001', scanned_before: true },
    ]);
  });

  it('scanned back and not right end with 7', async () => {
    const wrong = codeOf('N4K-000001');
    const misread = (wrong.startsWith('7') ? '8' : '7') + wrong.slice(1);
    const answer = await scan([linkOf('N4K-000001'), misread, '12345']);
    expect(answer).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('2 scans of 3 not right') });
    expect(answer.stdout).toContain('"wrong_symbol":{"group":1,"place":1');
    const other = await factory.cli('labels', 'check', linkOf('N4K-000002'), '--serial', 'N4K-000001');
    expect(other).toMatchObject({ exitCode: 7, stdout: expect.stringContaining('do not apply it') });
    expect((await factory.cli('labels', 'check', 'x', '--batch', 'nothing')).exitCode).toBe(2);
    expect((await factory.cli('labels', 'check', 'x', '--all')).exitCode).toBe(2);
  });

  it('scanned back as a whole batch are complete or not, which the audit log keeps', async () => {
    const links = [...codes.keys()].map(linkOf);
    const some = await scan(links.slice(2), '--batch', 'boards', '--all');
    const missing = '"missing":["N4K-000001","N4K-000002"]';
    expect(some).toMatchObject({ exitCode: 4, stdout: expect.stringContaining(missing) });
    expect(some.stderr).toContain('run the same command again');
    const gone = await scan(links.slice(1, 2), '--batch', 'boards', '--all');
    expect(gone).toMatchObject({ exitCode: 4, stdout: expect.stringContaining('"missing":["N4K-000001"]') });
    expect(gone.stderr).toContain(
      'Goes on: 3 of 5 labels of batch boards were scanned; not: N4K-000001, N4K-000002.',
    );
    // Only asked.
    expect(await scan([], '--batch', 'boards', '--all')).toMatchObject({
      exitCode: 4,
      stdout: gone.stdout.split('\n').slice(1).join('\n'),
    });
    const all = await scan(links.slice(0, 1), '--batch', 'boards', '--all');
    expect(all).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('"complete":true') });
    const shown = await factory.succeed('audit', 'show');
    expect(shown.stdout).toMatch(/labels scanned back +boards: 3 labels, not complete/);
    expect(shown.stdout).toMatch(/labels scanned back +boards: 5 labels, complete/);
    expect((await factory.cli('audit', 'verify')).exitCode).toBe(0);
  });

  it('a scan counts until its label is printed again, its code issued anew, or all begins anew', async () => {
    const links = [...codes.keys()].map(linkOf);
    const check = ['--batch', 'boards', '--all'];
    const missing = async (...more: string[]) => {
      const { stdout } = await scan([], ...check, ...more);
      return (JSON.parse(stdout) as { missing: string[] }).missing;
    };
    await printed();
    expect(await scan(links, ...check)).toMatchObject({ exitCode: 0 });
    await factory.succeed('labels', 'print', 'boards', '--serial', 'n4k-000002', '--reason', 'torn off');
    expect(await missing()).toEqual(['N4K-000002']);
    await factory.succeed('device', 'reissue-code', 'N4K-000004', '--reason', 'label was photographed');
    expect(await missing()).toEqual(['N4K-000002', 'N4K-000004']);
    const again = await scan([linkOf('N4K-000001'), linkOf('N4K-000002')], ...check);
    expect(again.stdout.split('\n').map((line) => line.includes('scanned_before'))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(await missing('--restart')).toHaveLength(5);
    expect(await missing()).toHaveLength(5);
    expect(await scan([], '--batch', 'boards', '--restart')).toMatchObject({ exitCode: 2 });
    expect((await factory.succeed('audit', 'show', '--batch', 'boards')).stdout).toMatch(
      /scan-back begun anew +boards/,
    );
  });
});
