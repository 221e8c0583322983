import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { activationCodeDigest, generateActivationCode } from '@aovis/contracts/activation-code';
import { deviceIdOf } from '@aovis/contracts/ids';
import type { BatchFolder } from '../batch/batch-folder.ts';
import { type BundleSettings, bundleOf } from '../batch/bundle.ts';
import { addLabel, dropLabels } from '../batch/labels.ts';
import { certifyKey, issueBoardIdentity, type LeafIssuer } from '../ca/board-identity.ts';
import type { CertificateAsk } from '../csr/certificate-request.ts';
import { ensurePrivateDirectory, writeDirectoryDurably } from '../files/durable-files.ts';
import type { BoardIssued } from '../journal/records.ts';

/** With what a new key is certified and bundled. */
export interface IdentityDesk {
  issuer: LeafIssuer;
  bundle: BundleSettings;
}

/**
 * A new key and certificate in `staging/`; of a board that keeps its own key, the certificate of the key it asks for. What a
 * cut leaves there before the journal knows it is made anew.
 */
export async function stageNewKey(
  desk: IdentityDesk,
  folder: BatchFolder,
  board: BoardIssued,
  ask: CertificateAsk | undefined,
): Promise<BoardIssued> {
  const deviceId = deviceIdOf(board.serial);
  const identity = ask
    ? { privateKeyPem: undefined, ...(await certifyKey(deviceId, ask.spki, desk.issuer)) }
    : await issueBoardIdentity(deviceId, desk.issuer);
  const staged = folder.staged(deviceId);
  await ensurePrivateDirectory(folder.staged(''));
  await ensurePrivateDirectory(folder.replaced(''));
  await rm(staged, { recursive: true, force: true });
  const { serial, model, iccid } = board;
  await writeDirectoryDurably(staged, bundleOf({ serial, model, iccid }, identity, desk.bundle));
  return {
    ...board,
    certificate_id: identity.certificateId,
    public_key_sha256: identity.publicKeySha256,
    first_certificate_id: board.first_certificate_id ?? board.certificate_id,
  };
}

/** A new activation code in `labels.csv`, beside the one that still counts. Rows that never counted go. */
export async function addNewCode(folder: BatchFolder, board: BoardIssued): Promise<BoardIssued> {
  const { code: _printed, ...rest } = board;
  const { serial, model, activation_code_digest: current } = rest;
  const code = generateActivationCode(randomBytes);
  await dropLabels(folder.labels, (label) => label?.serial === serial && label.digest !== current);
  await addLabel(folder.labels, { serial, model, code });
  return {
    ...rest,
    activation_code_digest: activationCodeDigest(serial, code),
    code_epoch: board.code_epoch + 1,
  };
}
