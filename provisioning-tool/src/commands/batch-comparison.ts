import { BatchFolder } from '../batch/batch-folder.ts';
import { checkCloud } from '../batch/preflight.ts';
import type { BackendRepairs } from '../batch/reconcile/backend-check.ts';
import { Comparison } from '../batch/reconcile/comparison.ts';
import type { Finding } from '../batch/reconcile/finding.ts';
import { RegistryView } from '../batch/reconcile/registry-view.ts';
import { type FactoryCa, loadCa } from '../ca/ca-store.ts';
import type { AwsIotRegistry } from '../cloud/aws-iot-registry.ts';
import type { Config } from '../config.ts';
import { loadStation } from '../handover/station-key.ts';
import { StationRequests } from '../handover/station-requests.ts';
import { journalPath, type Written } from '../journal/journal.ts';
import type { BatchState } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import { startProgress } from '../terminal/progress.ts';
import type { CommandContext } from './command-context.ts';

export interface BatchComparison {
  config: Config;
  replay: Written;
  batch: BatchState;
  /** Undefined: AWS IoT is not asked. */
  registry: AwsIotRegistry | undefined;
  /** Undefined: the backend is not asked. */
  backend: { requests: StationRequests; repairs: BackendRepairs } | undefined;
  orphans: boolean;
}

export function findBatch({ state }: Written, batchId: string): BatchState {
  const batch = state.batches.get(batchId);
  if (batch) return batch;
  throw new Refusal('usage', `There is no batch ${batchId} here; «aovis-provision batch status» lists them.`);
}

/** What this station asks the backend with; undefined when no backend is configured. */
export async function stationRequestsOf(
  context: CommandContext,
  config: Config,
  signal: AbortSignal,
): Promise<StationRequests | undefined> {
  const backend = context.backend(config, signal);
  return (
    backend && new StationRequests(backend, await loadStation(context.workspace), context.surroundings.clock)
  );
}

/** Compares a batch on disk and in the journal with what AWS IoT and the backend have of it. */
export async function compareBatch(context: CommandContext, what: BatchComparison): Promise<Finding[]> {
  const { workspace, terminal, surroundings } = context;
  const { config, replay, batch, registry, backend, orphans } = what;
  if (registry && config.region !== batch.region)
    throw new Refusal(
      'conflict',
      `Batch ${batch.id} is in region ${batch.region}, not in ${config.region}, where all of it would seem to be missing; give --region.`,
    );
  const ca = await loadCa(workspace);
  const folder = new BatchFolder(workspace, batch.id);
  const aws = registry && (await awsPartsOf(what, registry, folder, ca));
  const progress = await startProgress(terminal, surroundings.clock, replay.state.boardsOf(batch.id).length);
  try {
    return await new Comparison({
      path: journalPath(workspace),
      replay,
      batch,
      folder,
      issuers: ca.issuers,
      now: surroundings.clock.now(),
      boardsInFlight: config.boards_in_flight,
      aws,
      backend,
      orphans,
      onBoard: () => progress.step(),
    }).run();
  } finally {
    progress.stop();
  }
}

async function awsPartsOf(
  { config, replay, batch }: BatchComparison,
  registry: AwsIotRegistry,
  folder: BatchFolder,
  ca: FactoryCa,
) {
  const { AwsIotUpkeep } = await import('../cloud/aws-iot-upkeep.ts');
  const upkeep = new AwsIotUpkeep(registry.calls);
  const certificateArnPrefix = await checkCloud(registry, config);
  const registered = replay.state.registeredCas.get(batch.region) ?? new Map<string, string>();
  const caIds =
    config.certificate_registration === 'ca'
      ? [...ca.issuers.keys()].flatMap((sha256) => registered.get(sha256) ?? [])
      : [];
  const view = await RegistryView.read({
    registry,
    upkeep,
    batchId: batch.id,
    caIds,
    policy: config.policy,
    thingGroup: config.thing_group,
  });
  const settings = {
    registry,
    folder,
    stationId: batch.stationId,
    thingType: config.thing_type,
    policy: config.policy,
    thingGroup: config.thing_group,
    caPem: caIds.length > 0 ? ca.issuing.toString() : undefined,
    certificateArnPrefix,
  };
  return { view, upkeep, settings, registry, stationId: batch.stationId };
}
