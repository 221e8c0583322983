import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { activationCodeDigest, generateActivationCode } from '@aovis/contracts/activation-code';
import { deviceIdOf } from '@aovis/contracts/ids';
import type { BoardIdentity } from '../ca/board-identity.ts';
import { writeDirectoryDurably } from '../files/durable-files.ts';
import type { Journal } from '../journal/journal.ts';
import type { BoardIssued } from '../journal/records.ts';
import type { BatchFolder } from './batch-folder.ts';
import type { BoardRow } from './boards-csv.ts';
import { type BundleSettings, bundleOf } from './bundle.ts';
import type { LabelFile } from './labels.ts';

export interface IssuingDesk {
  batchId: string;
  folder: BatchFolder;
  journal: Journal;
  labels: LabelFile;
  /** Whether the boards keep labels that were printed elsewhere: then no codes are made. */
  printedCodes: boolean;
  /** Makes the board's key and certificate, or certifies the key that it sent. */
  identify: (row: BoardRow) => Promise<BoardIdentity>;
  bundle: BundleSettings;
}

/**
 * Everything about a board that happens on this disk, before anybody else hears of it: key, certificate and code
 * are made; the whole bundle is staged; the label is recorded; then the journal says so. What a cut before that
 * last line leaves behind was never used anywhere and is made anew.
 */
export async function issueBoard(desk: IssuingDesk, row: BoardRow): Promise<BoardIssued> {
  const staged = desk.folder.staged(deviceIdOf(row.serial));
  const identity = await desk.identify(row);
  const code = desk.printedCodes ? undefined : generateActivationCode(randomBytes);
  await Promise.all([
    // First, so that labels stand in the order in which boards were begun.
    code === undefined ? undefined : desk.labels.append({ serial: row.serial, model: row.model, code }),
    rm(staged, { recursive: true, force: true }).then(() =>
      writeDirectoryDurably(staged, bundleOf(row, identity, desk.bundle)),
    ),
  ]);
  const issued: BoardIssued = {
    type: 'board_issued',
    batch_id: desk.batchId,
    serial: row.serial,
    model: row.model,
    ...(row.iccid ? { iccid: row.iccid } : {}),
    certificate_id: identity.certificateId,
    public_key_sha256: identity.publicKeySha256,
    ...(code === undefined
      ? { code: 'printed' as const }
      : { activation_code_digest: activationCodeDigest(row.serial, code) }),
    code_epoch: 1,
    ...(identity.privateKeyPem === undefined ? { key: 'board' as const } : {}),
  };
  await desk.journal.append(issued);
  return issued;
}
