import type { BoardStanding } from '@aovis/contracts/http/factory';
import { type BoardState, isLive, isProvisioned } from '../../journal/journal-state.ts';
import type { BoardIssued } from '../../journal/records.ts';
import { type Finding, renewedInTheField } from './finding.ts';

export interface BackendRepairs {
  /** Hands a board over that the backend has lost. */
  handOver(board: BoardIssued): Promise<void>;
  /** Hands over the manifests that wait; without it they are nobody's difference. */
  handOverWaiting?: () => Promise<void>;
  /** Tells the backend again that a board was revoked or destroyed. */
  end(board: BoardIssued, ended: 'revoked' | 'destroyed'): Promise<void>;
}

/** Compares what the backend has of a board with the journal. Nothing to say of one without a manifest yet. */
export function checkStanding(
  board: BoardIssued,
  state: BoardState,
  standing: BoardStanding,
  repairs: BackendRepairs,
): Finding[] {
  const { serial: subject } = board;
  if (!isLive(state)) return checkEnded(board, state, standing, repairs);
  if (!isProvisioned(state) || state.manifest === undefined) return [];
  if (standing.status === 'unknown' || standing.status === 'planned') {
    if (!state.manifest.accepted) return waiting(subject, repairs);
    const repair = { does: 'hand it over again', run: () => repairs.handOver(board) };
    return [{ subject, problem: 'the backend took it over and does not have it any more', repair }];
  }
  if (standing.status !== 'provisioned')
    return [
      {
        subject,
        problem: `the backend has ${standing.status} it`,
        advice: `follow with: aovis-provision device revoke ${subject}`,
      },
    ];
  return differences(board, standing);
}

/** Written down and not taken over: a run that ended there hands it over when it is run again, and so does this. */
function waiting(subject: string, { handOverWaiting }: BackendRepairs): Finding[] {
  if (!handOverWaiting) return [];
  const repair = { does: 'hand over the manifest that waits', run: handOverWaiting };
  return [{ subject, problem: 'its manifest waits, and the backend does not have it', repair }];
}

function differences(board: BoardIssued, standing: BoardStanding): Finding[] {
  const { serial: subject } = board;
  const findings: Finding[] = [];
  if (standing.handed_over_certificate_id === board.certificate_id && standing.certificate_id !== undefined)
    findings.push(renewedInTheField(subject, 'the backend', standing.certificate_id));
  else if (standing.certificate_id !== board.certificate_id)
    findings.push({
      subject,
      problem: `the backend has another certificate of it, ${standing.certificate_id ?? 'none'}`,
      advice: 'it was made twice: find out where, and which of the two is on the board',
    });
  if (standing.code_epoch !== undefined && standing.code_epoch !== board.code_epoch)
    findings.push({
      subject,
      problem: `the backend has its activation code number ${standing.code_epoch}, the journal number ${board.code_epoch}`,
      advice: 'another station re-issued the code: its label is the right one',
    });
  else if (standing.same_code === false)
    findings.push({
      subject,
      problem: 'the backend has another activation code of it',
      advice: `make a new label: aovis-provision device reissue-code ${subject}`,
    });
  if (standing.same_sim === false)
    findings.push({
      subject,
      problem: 'the backend has another SIM card of it, or none',
      advice: 'look at the card in the board; the backend’s administrator corrects its record',
    });
  if (standing.batch_id !== undefined && standing.batch_id !== board.batch_id)
    findings.push({
      subject,
      problem: `the backend counts it to batch ${standing.batch_id}`,
      advice: 'it was moved at another station; merge the stations, or move it back',
    });
  return findings;
}

function checkEnded(
  board: BoardIssued,
  state: BoardState,
  { status }: BoardStanding,
  repairs: BackendRepairs,
): Finding[] {
  const ended = state.life?.ended;
  const agrees =
    status === 'retired' || status === 'unknown' || (ended === 'revoked' && status === 'revoked');
  if (ended === undefined || agrees) return [];
  return [
    {
      subject: board.serial,
      problem: `the backend has it as ${status}, and the board was ${ended}`,
      repair: { does: 'tell the backend', run: () => repairs.end(board, ended) },
    },
  ];
}
