import type { BoardConflictReason } from '@aovis/contracts/http/factory';
import type { BoardChangeRequest } from '@aovis/contracts/station-request';

/** A board as a change finds it. */
export interface ChangingBoard {
  status: string;
  certificateId: string | undefined;
  /** With which it was handed over, once it has another one by a job: a station knows no other. */
  handedOverCertificateId: string | undefined;
  batchId: string | undefined;
  owned: boolean;
  /** Whether another board has the new certificate. */
  certificateTaken: boolean;
}

export type BoardDecision =
  | { kind: 'refuse'; reason: BoardConflictReason }
  | { kind: 'unchanged' }
  | { kind: 'change' };

const unchanged: BoardDecision = { kind: 'unchanged' };
const change: BoardDecision = { kind: 'change' };
const refuse = (reason: BoardConflictReason): BoardDecision => ({ kind: 'refuse', reason });

/** What becomes of a station's request. Retired is the end; what is as wanted already is a success. */
export function decideChange(board: ChangingBoard | undefined, request: BoardChangeRequest): BoardDecision {
  if (board === undefined) return refuse('unknown');
  const { status, certificateId, handedOverCertificateId, batchId, owned, certificateTaken } = board;
  switch (request.action) {
    case 'revoke_board':
      return status === 'revoked' || status === 'retired' ? unchanged : change;
    case 'retire_board':
      if (status === 'retired') return unchanged;
      return owned ? refuse('owned') : change;
    case 'replace_certificate':
      if (status === 'retired' || status === 'revoked') return refuse(status);
      if (certificateId === request.new_certificate_id) return unchanged;
      if (certificateTaken) return refuse('certificate_in_use');
      return [certificateId, handedOverCertificateId].includes(request.certificate_id)
        ? change
        : refuse('certificate_differs');
    case 'move_board':
      if (status === 'retired') return refuse('retired');
      return batchId === request.batch_id ? unchanged : change;
  }
}
