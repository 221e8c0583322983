import { X509Certificate } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { verifyAudit } from '../audit/audit-verify.ts';
import { validityOf } from '../ca/board-identity.ts';
import { caFiles, type FactoryCa, fingerprintOf, loadCa } from '../ca/ca-store.ts';
import { type Config, requireSetting } from '../config.ts';
import { exists, findMode, findTextFile } from '../files/durable-files.ts';
import { loadStation } from '../handover/station-key.ts';
import { journalPath, replayJournal } from '../journal/journal.ts';
import { Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import { type Check, Warning } from './check.ts';
import { crashFilesVerdict, readCrashFacts } from './crash-files-check.ts';

export interface LocalParts {
  workspace: string;
  /** Of the environment, flags and `config.json`; throws a `Refusal` with every problem. */
  config: () => Promise<Config>;
  now: number;
}

/** What a board takes on the disk: a bundle of four files, journal, label, manifest; generously. */
const bytesPerBoard = 40_000;
const inodesPerBoard = 6;
const boardsToHaveRoomFor = 1_000;

/** What can be checked without the network. */
export function localChecks({ workspace, config, now }: LocalParts): Check[] {
  return [
    {
      name: 'settings',
      run: async () => {
        const values = await config();
        requireSetting(values, 'region');
        await checkRootCa(requireSetting(values, 'root_ca_file'));
        return `region ${values.region}`;
      },
    },
    { name: 'workspace', run: () => checkWorkspace(workspace) },
    { name: 'crash files', run: () => crashFilesVerdict(readCrashFacts()) },
    { name: 'disk', needs: ['workspace'], run: () => checkDisk(workspace) },
    {
      name: 'journal',
      needs: ['workspace'],
      run: async () => {
        const { state, tornBytes } = await replayJournal(journalPath(workspace));
        if (tornBytes > 0)
          throw new Warning('its last line is torn by a cut; the next run cuts it off, nothing is lost');
        return `whole; batches: ${state.batches.size}, boards: ${state.boards.size}`;
      },
    },
    {
      name: 'audit log',
      needs: ['journal'],
      run: async () => {
        const { entries } = await verifyAudit(workspace);
        return `whole, fits the journal; lines: ${entries}`;
      },
    },
    {
      name: 'ca',
      needs: ['settings', 'workspace'],
      run: async () => checkCa(await loadCa(workspace), await config(), now),
    },
    {
      name: 'station',
      needs: ['workspace'],
      run: async () => {
        const { stationId } = await loadStation(workspace);
        return `key of ${stationId}`;
      },
    },
  ];
}

async function checkRootCa(path: string): Promise<void> {
  const pem = await findTextFile(path);
  if (pem === undefined)
    throw new Refusal('usage', `root_ca_file ${path} does not exist; check the setting.`);
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new Refusal('usage', `root_ca_file ${path} is not a PEM certificate; check the setting.`, {
      cause,
    });
  }
}

async function checkWorkspace(workspace: string): Promise<string> {
  const mode = await findMode(workspace);
  if (mode === undefined)
    throw new Refusal(
      'usage',
      `The workspace ${workspace} does not exist; begin with: aovis-provision ca init`,
    );
  if ((mode & 0o077) !== 0)
    throw new Refusal(
      'usage',
      `The workspace ${workspace} is open to others (mode 0${mode.toString(8)}); close it with: chmod 700 ${workspace}`,
    );
  return workspace;
}

async function checkDisk(workspace: string): Promise<string> {
  const { bavail, bsize, ffree, files } = await statfs(workspace);
  const room = Math.floor((bavail * bsize) / bytesPerBoard);
  // Some file systems have no fixed number of files and say 0.
  const boards = files === 0 ? room : Math.min(room, Math.floor(ffree / inodesPerBoard));
  if (boards < boardsToHaveRoomFor)
    throw new Refusal(
      'journal',
      `The disk of ${workspace} has room for about ${counted(boards, 'board')} only; free some space.`,
    );
  return `room for about ${boards} boards`;
}

function checkCa(ca: FactoryCa, config: Config, now: number): string {
  const end = Date.parse(ca.issuing.validTo);
  if (end <= now || Date.parse(ca.issuing.validFrom) > now)
    throw new Refusal(
      'ca',
      `The issuing CA is valid from ${ca.issuing.validFrom} to ${ca.issuing.validTo}, and this computer's clock says ` +
        `${new Date(now).toISOString()}; set the clock, or make a new issuing CA with «aovis-provision ca roll-over».`,
    );
  if (validityOf(now, config.certificate_years).notAfter.getTime() > end)
    throw new Refusal(
      'ca',
      `Boards would be valid longer than their CA (until ${ca.issuing.validTo}); lower certificate_years or make a new ` +
        'issuing CA with «aovis-provision ca roll-over».',
    );
  return `generation ${ca.current.generation}, ${fingerprintOf(ca.issuing).slice(0, 16)}…, until ${new Date(ca.issuing.validTo).toISOString()}`;
}

/** The root's key belongs into a safe once the CA is made. */
export function rootKeyCheck(workspace: string): Check {
  return {
    name: 'root key',
    needs: ['ca'],
    run: async () => {
      const { directory } = await loadCa(workspace);
      if (await exists(`${directory}/${caFiles.rootKey}`))
        throw new Warning(
          `root.key lies in ${directory}; move it offline, it is needed for a roll-over only`,
        );
      return 'offline';
    },
  };
}
