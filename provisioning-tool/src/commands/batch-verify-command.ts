import { deviceIdOf } from '@aovis/contracts/ids';
import { BatchFolder } from '../batch/batch-folder.ts';
import { runFailureOf } from '../batch/batch-run.ts';
import { verifyBundle, verifyRegistration } from '../batch/batch-verify.ts';
import { readLabels } from '../batch/labels.ts';
import { WorkPool } from '../batch/work-pool.ts';
import { loadCa } from '../ca/ca-store.ts';
import type { AwsIotRegistry } from '../cloud/aws-iot-registry.ts';
import type { Config } from '../config.ts';
import { journalPath, type Replay, readAllIssued, readIssued, replayJournal } from '../journal/journal.ts';
import { type BatchState, isProvisioned } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import { startProgress } from '../terminal/progress.ts';
import { counted } from '../terminal/wording.ts';
import { type CommandContext, withStop } from './command-context.ts';

interface Finding {
  serial: string;
  problem: string;
}

/** Re-checks what a batch left: bundles, labels, keys, and (unless offline) AWS IoT's registry. */
export async function batchVerify(context: CommandContext, batchId: string, offline: boolean): Promise<void> {
  const { terminal, workspace, surroundings } = context;
  const config = await context.config();
  const replay = await replayJournal(journalPath(workspace));
  const { state } = replay;
  const batch = state.batches.get(batchId);
  if (!batch)
    throw new Refusal(
      'usage',
      `There is no batch ${batchId} here; «aovis-provision batch status» lists them.`,
    );
  const findings = await withStop(surroundings.signal, async (stop) => {
    const registry = offline ? undefined : await context.registry(config, stop.signal);
    try {
      return await verifyBatch(context, config, replay, batch, registry);
    } catch (error) {
      throw runFailureOf(error);
    } finally {
      registry?.close();
    }
  });
  const finished = state.boardsOf(batchId).filter(([, board]) => isProvisioned(board));
  const verified = finished.length;
  const unfinished = batch.boards - verified;
  const waiting = finished.filter(([, board]) => !board.manifest?.accepted).length;
  const value = {
    batch_id: batchId,
    verified,
    unfinished,
    not_handed_over: waiting,
    registry_checked: !offline,
  };
  terminal.result({ ...value, problems: findings }, [
    ...terminal.table(findings.map(({ serial, problem }) => [serial, problem])),
    `Batch ${batchId}: ${counted(verified, 'finished board')} checked${offline ? ', AWS IoT not asked' : ''}; ` +
      (findings.length === 0 ? 'everything agrees.' : `${counted(findings.length, 'problem')}.`),
    ...(unfinished > 0 ? [`Not finished, and not checked: ${counted(unfinished, 'board')}.`] : []),
    ...(waiting > 0 ? [`Not handed over to the backend yet: ${counted(waiting, 'board')}.`] : []),
  ]);
  if (findings.length > 0)
    throw new Refusal('conflict', `Batch ${batchId} is not as the journal says; see the problems above.`);
}

async function verifyBatch(
  { workspace, terminal, surroundings }: CommandContext,
  config: Config,
  replay: Replay,
  batch: BatchState,
  registry: AwsIotRegistry | undefined,
): Promise<Finding[]> {
  const { issuers } = await loadCa(workspace);
  const folder = new BatchFolder(workspace, batch.id);
  const path = journalPath(workspace);
  const { state } = replay;
  const { findings, digests } = await issuedBoards(path, replay, batch);
  findings.push(...(await labelFindings(folder, digests)));
  const finished = state.boardsOf(batch.id).filter(([, board]) => isProvisioned(board));
  const progress = await startProgress(terminal, surroundings.clock, finished.length);
  const pool = new WorkPool(config.boards_in_flight);
  try {
    for (const [serial] of finished) {
      await pool.add(async () => {
        const board = await readIssued(path, state, serial);
        const directory = folder.bundle(deviceIdOf(serial));
        const problems = [
          ...(await verifyBundle(directory, board, issuers, surroundings.clock.now())),
          ...(registry
            ? await verifyRegistration(registry, board, {
                thingType: config.thing_type,
                stationId: batch.stationId,
              })
            : []),
        ];
        findings.push(...problems.map((problem) => ({ serial, problem })));
        progress.step();
      });
    }
    await pool.drain();
  } finally {
    await Promise.allSettled([pool.drain()]);
    progress.stop();
  }
  return findings.sort((a, b) => a.serial.localeCompare(b.serial));
}

/**
 * Digests of the batch's codes, by serial; and boards with the key of another one, over all batches of the workspace:
 * they mean a broken random source or a copied bundle.
 */
async function issuedBoards(path: string, replay: Replay, batch: BatchState) {
  const holders = new Map<string, string>();
  const digests = new Map<string, string>();
  const findings: Finding[] = [];
  for await (const board of readAllIssued(path, replay.validBytes)) {
    const { serial, public_key_sha256: key } = board;
    const holder = holders.get(key);
    if (holder) findings.push({ serial, problem: `has the same key as ${holder}` });
    else holders.set(key, serial);
    if (board.batch_id === batch.id) digests.set(serial, board.activation_code_digest);
  }
  return { findings, digests };
}

async function labelFindings(folder: BatchFolder, digests: ReadonlyMap<string, string>): Promise<Finding[]> {
  const findings: Finding[] = [];
  const unlabelled = new Set(digests.keys());
  for await (const label of readLabels(folder.labels)) {
    const digest = label && digests.get(label.serial);
    if (!digest) continue;
    const { serial } = label;
    if (!unlabelled.delete(serial)) findings.push({ serial, problem: 'has two labels' });
    if (digest !== label.digest)
      findings.push({ serial, problem: 'the code on its label is not the one handed over' });
  }
  for (const serial of unlabelled)
    findings.push({ serial, problem: 'has no row in labels.csv, the only place of its activation code' });
  return findings;
}
