import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deviceIdOf } from '@aovis/contracts/ids';
import { bundleFiles } from '@aovis/contracts/provisioning';
import type { FactoryCa } from '../../ca/ca-store.ts';
import {
  exists,
  findMode,
  privateDirectoryMode,
  privateFileMode,
  renameDurably,
} from '../../files/durable-files.ts';
import type { BoardIssued } from '../../journal/records.ts';
import { systemCodeOf } from '../../refusal.ts';
import type { BatchFolder } from '../batch-folder.ts';
import { verifyBundle } from '../batch-verify.ts';
import { type BatchCodes, dropLabels, readLabels } from '../labels.ts';
import { type Finding, findingsOf } from './finding.ts';

/** Compares the bundle of a finished board with the journal. */
export async function checkBundle(
  folder: BatchFolder,
  board: BoardIssued,
  issuers: FactoryCa['issuers'],
  now: number,
): Promise<Finding[]> {
  const { serial: subject } = board;
  const bundle = folder.bundle(deviceIdOf(subject));
  const staged = folder.staged(deviceIdOf(subject));
  if (!(await exists(bundle)) && (await exists(staged))) {
    const problems = await verifyBundle(staged, board, issuers, now);
    if (problems.length === 0)
      return [
        {
          subject,
          problem: 'the bundle still lies in staging/',
          repair: { does: 'move it to bundles/', run: () => renameDurably(staged, bundle) },
        },
      ];
  }
  const modes = await openModes(bundle);
  if (modes.length > 0)
    return modes.map((problem) => ({
      subject,
      problem,
      repair: { does: 'close it to others', run: () => closeBundle(bundle) },
    }));
  return findingsOf(
    subject,
    await verifyBundle(bundle, board, issuers, now),
    `put the right bundle back, or make a new key: aovis-provision device rotate ${subject}`,
  );
}

async function openModes(bundle: string): Promise<string[]> {
  const problems: string[] = [];
  const mode = await findMode(bundle);
  if (mode !== undefined && mode !== privateDirectoryMode)
    problems.push(`the folder has mode 0${mode.toString(8)}, not 0700`);
  for (const name of Object.values(bundleFiles)) {
    const fileMode = await findMode(join(bundle, name));
    if (fileMode !== undefined && fileMode !== privateFileMode)
      problems.push(`${name} has mode 0${fileMode.toString(8)}, not 0600`);
  }
  return problems;
}

async function closeBundle(bundle: string): Promise<void> {
  await chmod(bundle, privateDirectoryMode);
  for (const name of Object.values(bundleFiles))
    if (await exists(join(bundle, name))) await chmod(join(bundle, name), privateFileMode);
}

/** Compares `labels.csv` with the journal. */
export async function checkLabels(folder: BatchFolder, codes: BatchCodes): Promise<Finding[]> {
  const findings: Finding[] = [];
  const mode = await findMode(folder.labels);
  if (mode !== undefined && mode !== privateFileMode)
    findings.push({
      subject: 'labels.csv',
      problem: `has mode 0${mode.toString(8)}, not 0600: its codes can be read by others`,
      repair: { does: 'close it to others', run: () => chmod(folder.labels, privateFileMode) },
    });
  const unlabelled = new Set(codes.current.keys());
  const wrong = new Set<string>();
  let unknown = 0;
  const reissue = (serial: string) => `make a new label: aovis-provision device reissue-code ${serial}`;
  for await (const label of readLabels(folder.labels, true)) {
    const digest = label && codes.current.get(label.serial);
    if (!label || digest === undefined) {
      if (!label || !codes.pending.has(label.digest)) unknown += 1;
    } else if (digest === label.digest) {
      if (!unlabelled.delete(label.serial))
        findings.push({ subject: label.serial, problem: 'has two labels', repair: tidy(folder, codes) });
    } else if (!codes.pending.has(label.digest)) {
      wrong.add(label.serial);
      findings.push({
        subject: label.serial,
        problem: 'the code on its label is not the one handed over',
        advice: `destroy that label; if no other row of it is there, ${reissue(label.serial)}`,
      });
    }
  }
  for (const subject of unlabelled) {
    if (wrong.has(subject)) continue;
    findings.push({
      subject,
      problem: 'has no row in labels.csv, the only place of its activation code',
      advice: `put the file back, or ${reissue(subject)}`,
    });
  }
  if (unknown > 0)
    findings.push({
      subject: 'labels.csv',
      problem: `has rows that belong to no issued board of the batch (${unknown})`,
      repair: tidy(folder, codes),
    });
  return findings;
}

/** Rows that are of no board of the batch, and repetitions, go; a wrong code stays for somebody to see. */
function tidy(folder: BatchFolder, codes: BatchCodes): NonNullable<Finding['repair']> {
  const run = async () => {
    const seen = new Set<string>();
    await dropLabels(folder.labels, (label) => {
      if (!label) return true;
      const isKnown = codes.current.has(label.serial) || codes.pending.has(label.digest);
      const isRepeated = seen.has(label.digest);
      seen.add(label.digest);
      return !isKnown || isRepeated;
    });
  };
  return { does: 'take those rows out', run };
}

/** What lies in the batch's folder and belongs to no board that could need it. */
export async function checkLeftovers(
  folder: BatchFolder,
  boards: { isIssued(deviceId: string): boolean; isUnfinished(deviceId: string): boolean },
): Promise<Finding[]> {
  const findings: Finding[] = [];
  // A key whose board has no other bundle is never deleted, whatever the journal says of it.
  for (const name of await namesIn(join(folder.path, 'staging')))
    if (!boards.isUnfinished(name) && (!boards.isIssued(name) || (await exists(folder.bundle(name)))))
      findings.push({
        subject: name,
        problem: 'lies in staging/ and was never used',
        repair: { does: 'delete it', run: () => rm(join(folder.path, 'staging', name), { recursive: true }) },
      });
  for (const name of await namesIn(join(folder.path, 'bundles')))
    if (!boards.isIssued(name))
      findings.push({
        subject: name,
        problem: 'lies in bundles/, and the journal does not know it in this batch',
        advice: 'somebody put it there; it holds a private key: find out whose, or delete it',
      });
  return findings;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
