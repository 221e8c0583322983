import { deviceIdOf } from '@aovis/contracts/ids';
import type { IssuingDesk } from '../batch/issue-board.ts';
import { certifyKey, issueBoardIdentity, type LeafIssuer } from '../ca/board-identity.ts';
import type { BoardKeyKind } from '../ca/board-key-kind.ts';
import type { CsrFolder } from './csr-folder.ts';

/** Boards get a key made here. */
export function madeKeys(issuer: LeafIssuer, kind: BoardKeyKind): IssuingDesk['identify'] {
  return ({ serial }) => issueBoardIdentity(deviceIdOf(serial), issuer, kind);
}

/** Boards keep their own keys; their requests are verified once more, right before they are signed. */
export function requestedKeys(issuer: LeafIssuer, requests: CsrFolder): IssuingDesk['identify'] {
  return async (row) => {
    const { spki } = await requests.ask(row);
    return { privateKeyPem: undefined, ...(await certifyKey(deviceIdOf(row.serial), spki, issuer)) };
  };
}
