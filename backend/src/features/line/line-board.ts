import type { LineBoard, LineConflictReason } from '@aovis/contracts/http/line';
import { AppError } from '../../kernel/errors.ts';

export type CredentialState = LineBoard['state'] | 'replaced';

/** One set of credentials of a board; the one with the highest version counts. */
export interface StoredCredentials {
  version: number;
  state: CredentialState;
  csr: string | undefined;
  certificateId: string | undefined;
  activationCodeHash: string | undefined;
  /** Key, certificate and code, encrypted; there while they wait to be shown. */
  sealed: string | undefined;
}

/** A board of the line API, locked, with what decides about it. */
export interface StoredLineBoard {
  deviceId: string;
  serial: string;
  lineId: string;
  model: string;
  batchId: string;
  hardwareId: string | undefined;
  iccid: string | undefined;
  status: 'planned' | 'provisioned' | 'revoked' | 'retired';
  codeEpoch: number;
  owned: boolean;
  newest: StoredCredentials;
}

export function describeBoard(board: StoredLineBoard): LineBoard {
  const { newest } = board;
  if (newest.state === 'replaced')
    throw new Error(`the newest credentials of ${board.deviceId} are replaced by none`);
  return {
    device_id: board.deviceId,
    serial: board.serial,
    model: board.model,
    batch_id: board.batchId,
    state: newest.state,
    credentials_version: newest.version,
    ...(board.hardwareId !== undefined && { hardware_id: board.hardwareId }),
    ...(newest.certificateId !== undefined && { certificate_id: newest.certificateId }),
  };
}

export function conflict(reason: LineConflictReason): AppError {
  return new AppError('board_conflict', { details: { reason } });
}

/** Of a conflict; null of any other refusal. */
export function reasonOf({ details }: AppError): string | null {
  if (typeof details !== 'object' || details === null || !('reason' in details)) return null;
  return typeof details.reason === 'string' ? details.reason : null;
}

/** Changes at the line end where a customer begins. @throws AppError board_conflict */
export function assertOpen({ status, owned }: StoredLineBoard): void {
  if (status === 'revoked' || status === 'retired') throw conflict('revoked');
  if (owned) throw conflict('owned');
}

/** While the background works. */
export const notReady = (): AppError => new AppError('credentials_not_ready', { retryAfterMs: 2_000 });
