import { codesOf } from '../batch/batch-codes.ts';
import { BatchFolder } from '../batch/batch-folder.ts';
import type { BatchPlan } from '../batch/batch-plan.ts';
import { BatchRun, type BatchRunCounts, runFailureOf } from '../batch/batch-run.ts';
import type { StepSettings } from '../batch/board-steps.ts';
import { settledQuotas } from '../batch/call-quotas.ts';
import type { IssuingDesk } from '../batch/issue-board.ts';
import { arrangeLabels, LabelFile } from '../batch/labels.ts';
import { refuseOldJournal } from '../batch/old-journal.ts';
import { bundleSettingsOf, checkCloud, checkRegisteredCa } from '../batch/preflight.ts';
import { type LeafIssuer, validityOf } from '../ca/board-identity.ts';
import { type FactoryCa, fingerprintOf, leafIssuerOf, loadCa } from '../ca/ca-store.ts';
import type { Signer } from '../ca/signer.ts';
import type { IotRegistry } from '../cloud/iot-registry.ts';
import { type Config, requireSetting } from '../config.ts';
import { madeKeys, requestedKeys } from '../csr/board-identities.ts';
import { renameDurably } from '../files/durable-files.ts';
import type { BackendClient } from '../handover/backend-client.ts';
import { BatchLease } from '../handover/batch-lease.ts';
import { Handover } from '../handover/handover.ts';
import { loadStation, type Station } from '../handover/station-key.ts';
import { StationRequests } from '../handover/station-requests.ts';
import { Journal } from '../journal/journal.ts';
import type { BatchState } from '../journal/journal-state.ts';
import { Refusal } from '../refusal.ts';
import { openIssuingSigner } from '../signers/open-signer.ts';
import { startProgress } from '../terminal/progress.ts';
import { type BatchInputs, eachBoard, withInputsCopy } from './batch-inputs.ts';
import { type BatchFlags, checkNovelty, countBoards } from './batch-plan-command.ts';
import { summariseRun } from './batch-run-summary.ts';
import { type CommandContext, withStop } from './command-context.ts';

/** Provisions every board of a CSV; run again, it goes on where it stopped. */
export async function batchRun(
  context: CommandContext,
  flags: BatchFlags,
  csrDirectory?: string,
): Promise<void> {
  const { workspace, surroundings } = context;
  const config = await context.config();
  const journal = await Journal.open(workspace, surroundings.clock);
  try {
    await withInputsCopy(workspace, flags.csv, flags.batchId, journal.state, (inputs) =>
      withStop(surroundings.signal, (stop) =>
        new Session({
          context,
          config,
          journal,
          inputs,
          stop,
          csrDirectory,
          printedCodes: flags.printedCodes,
        }).run(),
      ),
    );
  } catch (error) {
    throw runFailureOf(error);
  } finally {
    await journal.close();
  }
}

interface SessionParts {
  context: CommandContext;
  config: Config;
  journal: Journal;
  inputs: BatchInputs;
  stop: AbortController;
  /** Where the boards' certificate requests lie; without it keys are made. */
  csrDirectory: string | undefined;
  printedCodes: boolean;
}

/** One run of one batch, from checks to summary. */
class Session {
  readonly #context: CommandContext;
  readonly #config: Config;
  readonly #journal: Journal;
  readonly #inputs: BatchInputs;
  readonly #stop: AbortController;
  readonly #csrDirectory: string | undefined;
  readonly #printedCodes: boolean;
  readonly #folder: BatchFolder;

  constructor(parts: SessionParts) {
    this.#context = parts.context;
    this.#config = parts.config;
    this.#journal = parts.journal;
    this.#inputs = parts.inputs;
    this.#stop = parts.stop;
    this.#csrDirectory = parts.csrDirectory;
    this.#printedCodes = parts.printedCodes;
    this.#folder = new BatchFolder(parts.context.workspace, parts.inputs.batchId);
  }

  async run(): Promise<void> {
    const ca = await loadCa(this.#context.workspace);
    const station = await loadStation(this.#context.workspace);
    const counter = await countBoards(this.#inputs, this.#journal.state, this.#config);
    const plan = counter.plan(settledQuotas(this.#config));
    this.#refuseOtherCircumstances(ca, station);
    if (plan.fresh > 0) await refuseOldJournal(this.#folder, this.#journal.state);
    const registry =
      plan.finished < plan.boards
        ? await this.#context.registryAtQuotas(this.#config, this.#stop.signal)
        : await this.#context.registry(this.#config, this.#stop.signal);
    let signer: Signer | undefined;
    let lease: BatchLease | undefined;
    try {
      const backend = this.#context.backend(this.#config, this.#stop.signal);
      if (backend && plan.finished < plan.boards) lease = await this.#lease(backend, station);
      const opening = this.#context.keyOpening(this.#config);
      signer = plan.fresh > 0 ? await openIssuingSigner(ca, opening) : undefined;
      const cloud = plan.finished < plan.boards ? await this.#prepareCloud(registry, ca, station) : undefined;
      const bundle = signer && (await bundleSettingsOf(this.#config, ca, registry));
      if (backend && plan.fresh > 0) {
        const now = this.#context.surroundings.clock.now();
        await checkNovelty(this.#inputs, this.#journal.state, {
          backend,
          station,
          now,
          printedCodes: this.#printedCodes,
        });
      }
      const issuer = signer && this.#issuer(ca, signer);
      const identify = issuer && (await this.#identities(ca, issuer));
      await this.#folder.create();
      if (!this.#inputs.part) await renameDurably(this.#inputs.path, this.#folder.boards);
      const batch = await this.#startBatch(ca, station);
      const labels = plan.finished < plan.boards ? await this.#openLabels() : undefined;
      const handover = this.#handover(batch, station, backend);
      let counts: BatchRunCounts;
      try {
        const desk: IssuingDesk | undefined = labels &&
          identify &&
          bundle && {
            batchId: batch.id,
            folder: this.#folder,
            journal: this.#journal,
            labels,
            printedCodes: this.#printedCodes,
            identify,
            bundle,
          };
        counts = await this.#work(plan, batch, handover, desk, cloud);
      } finally {
        await labels?.close();
      }
      await this.#arrangeLabels();
      summariseRun(this.#context.terminal, {
        batch,
        boards: this.#inputs.boards,
        folder: this.#folder,
        state: this.#journal.state,
        counts,
        handover,
        hasBackend: backend !== undefined,
        printedCodes: this.#printedCodes,
      });
    } finally {
      await lease?.release();
      signer?.close();
      registry.close();
    }
  }

  /** No other station is to work on this list meanwhile. */
  #lease(backend: BackendClient, station: Station): Promise<BatchLease> {
    const { clock } = this.#context.surroundings;
    const { batchId, sha256 } = this.#inputs;
    const requests = new StationRequests(backend, station, clock);
    return BatchLease.acquire(requests, { batchId, sha256 }, clock, (lost) => this.#stop.abort(lost));
  }

  /** A batch is of one region, one CA and one station. */
  #refuseOtherCircumstances(ca: FactoryCa, station: Station): void {
    const region = requireSetting(this.#config, 'region');
    const batch = this.#journal.state.batches.get(this.#inputs.batchId);
    const differences = [
      ...(batch && batch.region !== region
        ? [`it began in region ${batch.region}, now it is ${region}`]
        : []),
      ...(batch && !ca.issuers.has(batch.issuingCertificateSha256)
        ? ['it began with an issuing CA that is not here']
        : []),
      ...(batch && batch.boardsKeepKeys !== (this.#csrDirectory !== undefined)
        ? [
            batch.boardsKeepKeys
              ? 'its boards keep their own keys: go on with «csr sign»'
              : 'keys were made for its boards: go on with «batch run»',
          ]
        : []),
      ...(batch && batch.boardsKeepCodes !== this.#printedCodes
        ? [
            batch.boardsKeepCodes
              ? 'its boards keep the labels that they have: go on with --printed-codes'
              : 'new codes are made for its boards: go on without --printed-codes',
          ]
        : []),
      ...(batch && batch.stationId !== station.stationId
        ? [`it began at station ${batch.stationId}, this is ${station.stationId}`]
        : []),
    ];
    if (differences.length > 0) {
      throw new Refusal(
        'conflict',
        `Batch ${this.#inputs.batchId} cannot go on here; restore what it began with.`,
        {
          details: differences,
        },
      );
    }
    if (this.#config.station_id !== undefined && this.#config.station_id !== station.stationId) {
      throw new Refusal(
        'usage',
        `The setting station_id is ${this.#config.station_id}, but this workspace has the key of ${station.stationId}; correct the setting.`,
      );
    }
  }

  async #prepareCloud(registry: IotRegistry, ca: FactoryCa, station: Station): Promise<StepSettings> {
    const config = this.#config;
    const certificateArnPrefix = await checkCloud(registry, config);
    const caPem = await checkRegisteredCa(
      registry,
      config,
      ca,
      fingerprintOf(ca.issuing),
      this.#journal.state,
    );
    return {
      registry,
      folder: this.#folder,
      stationId: station.stationId,
      thingType: config.thing_type,
      policy: config.policy,
      thingGroup: config.thing_group,
      caPem,
      certificateArnPrefix,
    };
  }

  #issuer(ca: FactoryCa, signer: Signer) {
    const now = this.#context.surroundings.clock.now();
    return leafIssuerOf(ca, signer, validityOf(now, this.#config.certificate_years), now);
  }

  /** Requests are read and verified, all of them, before anything is done. */
  async #identities(ca: FactoryCa, issuer: LeafIssuer): Promise<IssuingDesk['identify']> {
    if (this.#csrDirectory === undefined) return madeKeys(issuer, this.#config.board_key);
    const { CsrFolder } = await import('../csr/csr-folder.ts');
    const requests = await CsrFolder.open(this.#csrDirectory, this.#journal, ca);
    await eachBoard(this.#inputs.path, this.#inputs.batchId, async (row) => {
      if (!this.#journal.state.boards.has(row.serial)) await requests.examine(row);
    });
    requests.refuseProblems();
    return requestedKeys(issuer, requests);
  }

  async #startBatch(ca: FactoryCa, station: Station): Promise<BatchState> {
    const { batchId, boards, sha256 } = this.#inputs;
    const { batches } = this.#journal.state;
    if (!batches.has(batchId)) {
      await this.#journal.append({
        type: 'batch_started',
        batch_id: batchId,
        boards,
        csv_sha256: sha256,
        region: requireSetting(this.#config, 'region'),
        issuing_certificate_sha256: fingerprintOf(ca.issuing),
        station_id: station.stationId,
        ...(this.#csrDirectory === undefined ? {} : { keys: 'board' as const }),
        ...(this.#printedCodes ? { codes: 'printed' as const } : {}),
        operator: this.#context.operator,
        tool_version: this.#context.surroundings.version,
      });
    }
    return batches.get(batchId) as BatchState;
  }

  async #openLabels(): Promise<LabelFile> {
    const codes = await codesOf(this.#journal.standings(), this.#journal.state, this.#inputs.batchId);
    return await LabelFile.open(this.#folder.labels, codes);
  }

  async #arrangeLabels(): Promise<void> {
    const serials: string[] = [];
    await eachBoard(this.#folder.boards, this.#inputs.batchId, ({ serial }) => void serials.push(serial));
    await arrangeLabels(this.#folder.labels, serials);
  }

  #handover(batch: BatchState, station: Station, backend: BackendClient | undefined): Handover {
    const { clock } = this.#context.surroundings;
    const folder = this.#folder;
    return new Handover({ journal: this.#journal, folder, batch, station, clock, backend });
  }

  async #work(
    plan: BatchPlan,
    batch: BatchState,
    handover: Handover,
    desk: IssuingDesk | undefined,
    cloud: StepSettings | undefined,
  ): Promise<BatchRunCounts> {
    const { clock, signal } = this.#context.surroundings;
    handover.resume();
    const rows = this.#inputs.part ? this.#inputs.path : this.#folder.boards;
    const progress = await startProgress(this.#context.terminal, clock, plan.boards - plan.finished);
    const run = new BatchRun({
      journal: this.#journal,
      desk,
      cloud,
      handover,
      boardsInFlight: this.#config.boards_in_flight,
      signal,
      stop: this.#stop,
      onFinished: () => progress.step(),
    });
    const [taken] = await Promise.allSettled([
      eachBoard(rows, batch.id, (row) => run.add(row)).then(() => run.drain()),
    ]);
    // Whatever ended it: nothing may still write when the journal closes.
    await Promise.allSettled([run.drain()]);
    progress.stop();
    if (taken.status === 'rejected') {
      await Promise.allSettled([handover.settle()]);
      throw taken.reason;
    }
    await handover.finish();
    return run.counts;
  }
}
