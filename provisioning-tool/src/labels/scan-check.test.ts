import { randomBytes } from 'node:crypto';
import {
  activationCodeDigest,
  formatActivationCode,
  generateActivationCode,
} from '@aovis/contracts/activation-code';
import { describe, expect, it } from '@jest/globals';
import type { BoardCode } from './board-codes.ts';
import { ScanCheck, type ScanExpectations } from './scan-check.ts';
import { readScan } from './scan-reading.ts';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

function boardOf(serial: string, batchId: string) {
  const code = generateActivationCode(randomBytes);
  const board: BoardCode = {
    serial,
    model: 'n4k',
    batchId,
    digest: activationCodeDigest(serial, code),
    epoch: 1,
    finished: true,
    ended: undefined,
    past: [],
  };
  return { code, board };
}

const mine = boardOf('N4K-000001', 'boards');
const sister = boardOf('N4K-000002', 'boards');
const stranger = boardOf('N4K-000003', 'other');
const boards = new Map([mine, sister, stranger].map(({ board }) => [board.serial, board]));
const nothing: ScanExpectations = { batchId: undefined, serial: undefined, activationUrl: undefined };
const check = (line: string, expected: Partial<ScanExpectations> = {}) =>
  new ScanCheck(boards, { ...nothing, ...expected }).check(line);

const recognised = {
  ok: true,
  serial: 'N4K-000001',
  model: 'n4k',
  device_id: 'aovis-n4k-000001',
  batch_id: 'boards',
};

describe('a label that is scanned back', () => {
  const printed = formatActivationCode(mine.code);

  it('is recognised, whatever the scanner or the person gives', () => {
    for (const line of [
      mine.code,
      printed,
      printed.toLowerCase(),
      printed.replaceAll('-', ' '),
      ` ${printed}\r`,
      printed.replaceAll('0', 'O').replaceAll('1', 'l'),
      `https://app.example.com/a#${mine.code}`,
      `HTTPS://APP.EXAMPLE.COM/A#${mine.code}`,
      `N4K-000001 ${printed}`,
      `n4k-000001 ${printed.replaceAll('-', ' ')}`,
      `N4K-000001,n4k,aovis-n4k-000001,${printed}`,
    ])
      expect([line, check(line)]).toEqual([line, recognised]);
  });

  it('of another board, batch or app is not to be applied', () => {
    const sisters = `https://app.example.com/a#${sister.code}`;
    expect(check(sisters, { serial: 'N4K-000001' })).toMatchObject({
      ok: false,
      serial: 'N4K-000002',
      problem: 'this is the label of N4K-000002, not of N4K-000001: do not apply it',
    });
    expect(check(stranger.code, { batchId: 'boards' })).toMatchObject({
      ok: false,
      problem: 'this is a label of batch other, not of boards: do not apply it',
    });
    expect(check(sisters, { activationUrl: 'https://app.example.org' })).toMatchObject({
      ok: false,
      problem: expect.stringContaining(
        'leads to https://app.example.com/a, not to https://app.example.org/a',
      ),
    });
    expect(check(sisters, { activationUrl: 'https://app.example.com/', batchId: 'boards' }).ok).toBe(true);
    expect(check(`N4K-000001 ${sister.code}`)).toMatchObject({
      ok: false,
      problem: expect.stringContaining('this is not the code of N4K-000001'),
    });
    expect(check(generateActivationCode(randomBytes)).problem).toContain('no board of this station');
  });

  it('that is worth nothing any more is to be destroyed', () => {
    const former = generateActivationCode(randomBytes);
    const changed = new Map([
      [mine.board.serial, { ...mine.board, past: [activationCodeDigest(mine.board.serial, former)] }],
      [sister.board.serial, { ...sister.board, ended: 'revoked' as const }],
    ]);
    const verdict = (line: string) => new ScanCheck(changed, nothing).check(line);
    expect(verdict(mine.code)).toEqual(recognised);
    expect(verdict(former)).toMatchObject({
      ok: false,
      serial: 'N4K-000001',
      problem: 'this is the label of N4K-000001 from before its code was issued anew: destroy it',
    });
    expect(verdict(sister.code)).toMatchObject({
      ok: false,
      problem: 'N4K-000002 is revoked: destroy its label',
    });
  });

  it('with one wrong symbol is explained: every symbol, every place', () => {
    for (let index = 0; index < 18; index++) {
      for (const read of alphabet.replace(mine.code[index] ?? '', '')) {
        const wrong = mine.code.slice(0, index) + read + mine.code.slice(index + 1);
        expect(check(formatActivationCode(wrong))).toMatchObject({
          ok: false,
          serial: 'N4K-000001',
          wrong_symbol: {
            group: Math.floor(index / 6) + 1,
            place: (index % 6) + 1,
            read,
            expected: mine.code[index],
          },
        });
      }
    }
  });

  it('with two wrong symbols is never taken for a board’s', () => {
    for (let first = 0; first < 17; first++)
      for (let second = first + 1; second < 18; second++) {
        const symbols = Array.from(mine.code);
        for (const index of [first, second])
          symbols[index] = alphabet[(alphabet.indexOf(symbols[index] ?? '') + 7) % 32] ?? '';
        const verdict = check(symbols.join(''));
        expect(verdict).toMatchObject({ ok: false, problem: expect.stringContaining('two or more') });
        expect(verdict.serial).toBeUndefined();
      }
  });

  it('that is no label at all says so', () => {
    expect(check('4006381333931').problem).toContain('it has 18 symbols');
    expect(check('UUUUUU-UUUUUU-UUUUUU').problem).toContain('the letter U');
    expect(check('https://example.com/').problem).toContain('not one of ours');
    // As a German layout types https://app.example.com/a#…
    expect(check('httpsÖ--app.example.com-a§ABC').problem).toContain('another keyboard layout');
  });

  it('never has its code in what is said about it', () => {
    for (const line of [
      mine.code,
      `X${mine.code.slice(1)}`,
      `N4K-000002 ${mine.code}`,
      generateActivationCode(randomBytes),
    ]) {
      const said = JSON.stringify(check(line, { batchId: 'boards' }));
      expect(said).not.toContain(line.slice(-12));
      expect(said).not.toContain(mine.code.slice(1, 17));
    }
  });
});

describe('a line of a scanner', () => {
  it('whose first group looks like a serial is a code all the same', () => {
    expect(readScan('ABCDEF-123456 GHJKMN')).toEqual({
      ok: true,
      scan: { typed: 'ABCDEF-123456 GHJKMN', address: undefined, serial: undefined },
    });
  });
});
