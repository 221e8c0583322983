import { describe, expect, it } from '@jest/globals';
import type { BoardIssued } from '../journal/records.ts';
import { checkKey, checkWithBackend } from './change-checks.ts';

const board: BoardIssued = {
  type: 'board_issued',
  batch_id: 'B1',
  serial: 'N4K-000001',
  model: 'n4k',
  certificate_id: 'c'.repeat(64),
  public_key_sha256: 'd'.repeat(64),
  activation_code_digest: 'e'.repeat(64),
  code_epoch: 1,
};
const standing = {
  serial: board.serial,
  device_id: 'aovis-n4k-000001',
  status: 'provisioned' as const,
  certificate_id: board.certificate_id,
  code_epoch: 1,
  owned: false,
};

describe('what speaks against a change', () => {
  it('a board that keeps its own key is given none without its request, but may have a new code', () => {
    const keeper = { ...board, key: 'board' as const };
    expect(() => checkKey(keeper, 'rotate', false)).toThrow('keeps its own key');
    expect(() => checkKey(keeper, 'rma', false)).toThrow('give that with --csr FILE');
    expect(() => checkKey(keeper, 'rotate', true)).not.toThrow();
    expect(() => checkKey(keeper, 'reissue_code', false)).not.toThrow();
    expect(() => checkKey(board, 'rotate', false)).not.toThrow();
    expect(() => checkKey(board, 'rotate', true)).toThrow('needs no request for this');
    expect(() => checkKey(keeper, 'destroy', true)).toThrow('needs no request for this');
  });

  it.each([
    ['revoked there', { status: 'revoked' as const }, 'as revoked'],
    ['another certificate there', { certificate_id: 'f'.repeat(64) }, 'another certificate or code'],
    ['another code there', { code_epoch: 2 }, 'another certificate or code'],
  ])('%s', (_, differs, sentence) => {
    expect(() => checkWithBackend(board, 'rotate', { ...standing, ...differs })).toThrow(sentence);
    expect(() => checkWithBackend(board, 'revoke', { ...standing, ...differs })).not.toThrow();
  });

  it('not that the board has renewed its certificate in the field', () => {
    const renewed = {
      ...standing,
      certificate_id: 'f'.repeat(64),
      handed_over_certificate_id: board.certificate_id,
    };
    expect(() => checkWithBackend(board, 'rotate', renewed)).not.toThrow();
    expect(() => checkWithBackend(board, 'reissue_code', renewed)).not.toThrow();
  });

  it('an owner, where the board would be gone', () => {
    const owned = { ...standing, owned: true };
    expect(() => checkWithBackend(board, 'destroy', owned)).toThrow('have it released');
    expect(() => checkWithBackend(board, 'rotate', owned)).not.toThrow();
  });
});
