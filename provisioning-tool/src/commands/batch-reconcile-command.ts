import { BatchFolder } from '../batch/batch-folder.ts';
import { runFailureOf } from '../batch/batch-run.ts';
import type { Finding } from '../batch/reconcile/finding.ts';
import { CloudFailure } from '../cloud/iot-registry.ts';
import { Handover } from '../handover/handover.ts';
import { loadStation } from '../handover/station-key.ts';
import type { StationRequests } from '../handover/station-requests.ts';
import { Journal, journalPath, replayJournal } from '../journal/journal.ts';
import { messageOf, Refusal } from '../refusal.ts';
import { counted } from '../terminal/wording.ts';
import { compareBatch, findBatch, stationRequestsOf } from './batch-comparison.ts';
import { type CommandContext, withStop } from './command-context.ts';

/** What became of a finding. */
type Outcome = 'mended' | 'could be mended' | 'for you to decide' | 'not mended';
interface Judged extends Finding {
  outcome: Outcome;
  why?: string;
}

/** Finds every difference between disk, journal, AWS IoT and backend; mends what a program may mend. */
export async function batchReconcile(
  context: CommandContext,
  batchId: string,
  apply: boolean,
): Promise<void> {
  const judged = apply ? await compareAndMend(context, batchId) : await compareOnly(context, batchId);
  report(context, batchId, judged, apply);
}

async function compareOnly(context: CommandContext, batchId: string): Promise<Judged[]> {
  const config = await context.config();
  const replay = await replayJournal(journalPath(context.workspace));
  const batch = findBatch(replay, batchId);
  return await withStop(context.surroundings.signal, async (stop) => {
    const registry = await context.registryAtQuotas(config, stop.signal);
    try {
      const requests = await stationRequestsOf(context, config, stop.signal);
      const nothing = () => Promise.resolve();
      const repairs = { handOver: nothing, handOverWaiting: nothing, end: nothing };
      const backend = requests && { requests, repairs };
      const findings = await compareBatch(context, {
        config,
        replay,
        batch,
        registry,
        backend,
        orphans: true,
      });
      return findings.map((finding) => ({
        ...finding,
        outcome: finding.repair ? 'could be mended' : 'for you to decide',
      }));
    } catch (error) {
      throw runFailureOf(error);
    } finally {
      registry.close();
    }
  });
}

async function compareAndMend(context: CommandContext, batchId: string): Promise<Judged[]> {
  const { workspace, surroundings } = context;
  const config = await context.config();
  const journal = await Journal.open(workspace, surroundings.clock);
  try {
    const batch = findBatch(journal.written, batchId);
    return await withStop(surroundings.signal, async (stop) => {
      const registry = await context.registryAtQuotas(config, stop.signal);
      try {
        const requests = await stationRequestsOf(context, config, stop.signal);
        const folder = new BatchFolder(workspace, batchId);
        const handover = new Handover({
          journal,
          folder,
          batch,
          station: await loadStation(workspace),
          clock: surroundings.clock,
          backend: context.backend(config, stop.signal),
        });
        const backend = requests && {
          requests,
          repairs: {
            handOver: async (board: { serial: string }) => handover.add(board.serial),
            handOverWaiting: async () => handover.resume(),
            end: (board: { serial: string }, ended: 'revoked' | 'destroyed') =>
              tellEnd(requests, board.serial, ended, context.operator),
          },
        };
        const findings = await compareBatch(context, {
          config,
          replay: journal.written,
          batch,
          registry,
          backend,
          orphans: true,
        });
        const judged: Judged[] = [];
        for (const finding of findings)
          judged.push(await mend(journal, batchId, context.operator, finding, surroundings.signal));
        await handover.finish();
        if (handover.failure) throw handover.failure;
        return judged;
      } finally {
        registry.close();
      }
    });
  } catch (error) {
    throw runFailureOf(error);
  } finally {
    await journal.close();
  }
}

async function tellEnd(
  requests: StationRequests,
  serial: string,
  ended: 'revoked' | 'destroyed',
  operator: string,
): Promise<void> {
  const action = ended === 'revoked' ? 'revoke_board' : 'retire_board';
  await requests.change({ action, serial, operator, reason: `reconcile: the board was ${ended}` });
}

/** One that fails does not hold up the others, unless nothing can succeed any more. */
async function mend(
  journal: Journal,
  batchId: string,
  operator: string,
  finding: Finding,
  signal: AbortSignal,
): Promise<Judged> {
  const { repair, subject } = finding;
  if (!repair) return { ...finding, outcome: 'for you to decide' };
  const record = { type: 'repair', batch_id: batchId, subject, repair: repair.does, operator } as const;
  signal.throwIfAborted();
  await journal.append({ ...record, state: 'begun' });
  try {
    await repair.run();
  } catch (error) {
    signal.throwIfAborted();
    const isItsOwn =
      (error instanceof Refusal && error.kind === 'conflict') ||
      (error instanceof CloudFailure && ['conflict', 'rejected', 'not-found'].includes(error.kind));
    if (!isItsOwn) throw error;
    return { ...finding, outcome: 'not mended', why: messageOf(error) };
  }
  await journal.append({ ...record, state: 'done' });
  return { ...finding, outcome: 'mended' };
}

function report(
  { terminal }: CommandContext,
  batchId: string,
  judged: readonly Judged[],
  apply: boolean,
): void {
  const count = (outcome: Outcome) => judged.filter((each) => each.outcome === outcome).length;
  const left = judged.length - count('mended');
  terminal.result(
    {
      batch_id: batchId,
      applied: apply,
      differences: judged.map(({ subject, problem, repair, advice, outcome, why }) => ({
        subject,
        problem,
        outcome: outcome.replaceAll(' ', '_'),
        repair: repair?.does,
        advice,
        why,
      })),
    },
    [
      ...judged.flatMap(({ subject, problem, repair, advice, outcome, why }) => [
        `${subject}: ${problem}`,
        `    ${outcome}: ${why ?? repair?.does ?? advice ?? ''}`,
      ]),
      judged.length === 0
        ? `Batch ${batchId}: disk, journal, AWS IoT and backend agree.`
        : `Batch ${batchId}: ${counted(judged.length, 'difference')}; ${count('mended')} mended, ` +
          `${count('could be mended')} could be, ${count('for you to decide') + count('not mended')} need you.`,
      ...(apply ? [] : ['Nothing was done.']),
    ],
  );
  if (left === 0) return;
  throw new Refusal(
    'conflict',
    count('could be mended') > 0
      ? `Mend what can be mended with: aovis-provision batch reconcile ${batchId} --apply`
      : `${counted(left, 'difference')} of batch ${batchId} ${left === 1 ? 'needs' : 'need'} a decision; see above.`,
  );
}
