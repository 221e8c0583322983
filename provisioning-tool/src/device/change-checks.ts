import type { BoardStanding } from '@aovis/contracts/http/factory';
import { type BoardState, isProvisioned, type JournalState } from '../journal/journal-state.ts';
import type { BoardIssued, DeviceChangeKind } from '../journal/records.ts';
import { Refusal } from '../refusal.ts';

/** The board, if anything can be done with it at all. */
export function getBoardState(state: JournalState, serial: string): BoardState {
  const board = state.boards.get(serial);
  if (board) return board;
  throw new Refusal(
    'usage',
    `There is no board ${serial} in the journal of this workspace; it was made elsewhere, or the serial is mistyped.`,
  );
}

/** Whether a change comes to an end that is there already. */
export function isDoneAlready(board: BoardState, kind: DeviceChangeKind): boolean {
  const ended = board.life?.ended;
  return (kind === 'revoke' && ended !== undefined) || (kind === 'destroy' && ended === 'destroyed');
}

/** Refuses what the journal already speaks against. */
export function checkChange(
  board: BoardState,
  serial: string,
  kind: DeviceChangeKind,
  hasBackend: boolean,
): void {
  const { life, manifest } = board;
  const pending = life?.pending;
  const isEnd = kind === 'revoke' || kind === 'destroy';
  if (life?.ended && kind !== 'destroy')
    throw new Refusal('conflict', `Board ${serial} was ${life.ended}; nothing else can become of it.`);
  if (pending && pending.kind !== kind && !isEnd)
    throw new Refusal(
      'conflict',
      `Another change of ${serial} (${commandOf(pending.kind)}) is not finished; finish it first: ` +
        `aovis-provision device ${commandOf(pending.kind)} ${serial}`,
    );
  if (isEnd) return;
  if (!isProvisioned(board))
    throw new Refusal('usage', `Board ${serial} is not finished; run the same «batch run» again first.`);
  if (!hasBackend)
    throw new Refusal('usage', 'This takes the backend: give --backend-url, and the station key it knows.');
  if (!manifest?.accepted)
    throw new Refusal(
      'usage',
      `Board ${serial} was not handed over to the backend yet; run the same «batch run» again first.`,
    );
}

/** A board that keeps its own key cannot be given one: it asks for the certificate of a new one. */
export function checkKey({ serial, key }: BoardIssued, kind: DeviceChangeKind, hasRequest: boolean): void {
  const getsKey = kind === 'rotate' || kind === 'rma';
  if (hasRequest && !(getsKey && key === 'board'))
    throw new Refusal(
      'usage',
      `--csr is for new keys of boards that keep their own; ${serial} needs no request for this: leave it out.`,
    );
  if (!getsKey || key !== 'board' || hasRequest) return;
  throw new Refusal(
    'usage',
    `Board ${serial} keeps its own key, so none can be made for it here: have it make a new key and a certificate request ` +
      '(PKCS#10), and give that with --csr FILE; or let it rotate by itself in the field.',
  );
}

/** Refuses what the backend speaks against, before anything is begun. */
export function checkWithBackend(board: BoardIssued, kind: DeviceChangeKind, standing: BoardStanding): void {
  const { serial } = board;
  if (kind === 'revoke') return;
  if (kind === 'destroy') {
    if (standing.owned)
      throw new Refusal('conflict', `Somebody owns ${serial}; have it released by staff first.`);
    return;
  }
  if (standing.status !== 'provisioned')
    throw new Refusal(
      'conflict',
      `The backend has ${serial} as ${standing.status}; «aovis-provision batch reconcile ${board.batch_id}» says more.`,
    );
  const { certificate_id: present, handed_over_certificate_id: handedOver } = standing;
  const known = [present, handedOver].includes(board.certificate_id);
  if (!known || standing.code_epoch !== board.code_epoch)
    throw new Refusal(
      'conflict',
      `The backend has another certificate or code of ${serial} than the journal; ` +
        `«aovis-provision batch reconcile ${board.batch_id}» says more.`,
    );
}

/** As it is typed. */
export function commandOf(kind: DeviceChangeKind): string {
  return kind.replace('_', '-');
}
