import { ulid } from 'ulid';
import { readReason } from '../audit/reason.ts';
import { BatchFolder } from '../batch/batch-folder.ts';
import { runFailureOf } from '../batch/batch-run.ts';
import { bundleSettingsOf, checkCloud } from '../batch/preflight.ts';
import { validityOf } from '../ca/board-identity.ts';
import { type FactoryCa, fingerprintOf, leafIssuerOf, loadCa } from '../ca/ca-store.ts';
import type { AwsIotRegistry } from '../cloud/aws-iot-registry.ts';
import { type Config, requireSetting } from '../config.ts';
import type { CertificateAsk } from '../csr/certificate-request.ts';
import { readSerial } from '../device/board-name.ts';
import {
  checkChange,
  checkKey,
  checkWithBackend,
  commandOf,
  getBoardState,
  isDoneAlready,
} from '../device/change-checks.ts';
import type { ChangeParts } from '../device/change-parts.ts';
import { changeSteps } from '../device/change-steps.ts';
import { addNewCode, type IdentityDesk, stageNewKey } from '../device/new-identity.ts';
import { planChange, runChange } from '../device/run-change.ts';
import { loadStation } from '../handover/station-key.ts';
import { StationRequests } from '../handover/station-requests.ts';
import { Journal, journalPath, readIssued, readStandings, replayJournal } from '../journal/journal.ts';
import { isLive, isProvisioned, type JournalState } from '../journal/journal-state.ts';
import type { BoardIssued, DeviceChangeKind } from '../journal/records.ts';
import { Refusal } from '../refusal.ts';
import { openIssuingSigner } from '../signers/open-signer.ts';
import { type CommandContext, withStop } from './command-context.ts';

export interface DeviceChangeFlags {
  kind: DeviceChangeKind;
  serial: string;
  reason: string | undefined;
  /** Of a transfer. */
  toBatch: string | undefined;
  /** Of a board that is destroyed: the one that takes its place. */
  replacedBy: string | undefined;
  /** File with the request of a board that keeps its own key, for a new one. */
  csr: string | undefined;
  /** The serial once more, where there is no way back. */
  confirm: string | undefined;
}

/** Changes one board. Cut short at any instant, the same command goes on. */
export async function deviceChange(context: CommandContext, given: DeviceChangeFlags): Promise<void> {
  const flags = { ...given, replacedBy: given.replacedBy && readSerial(given.replacedBy) };
  const serial = readSerial(flags.serial);
  checkFlags(flags, serial);
  if (context.flags.dryRun) return await sayWhatWouldBeDone(context, flags, serial);
  const { workspace, surroundings } = context;
  const config = await context.config();
  const journal = await Journal.open(workspace, surroundings.clock);
  try {
    const board = getBoardState(journal.state, serial);
    if (isDoneAlready(board, flags.kind))
      return report(context, flags, { serial, batchId: board.batch.id }, undefined, 'unchanged');
    checkChange(board, serial, flags.kind, config.backend_url !== undefined);
    checkTarget(journal.state, flags, serial);
    await withStop(surroundings.signal, async (stop) => {
      const registry = await context.registry(config, stop.signal);
      try {
        const session = new Session(context, config, journal, flags, serial, registry, stop.signal);
        const changeId = await session.run();
        report(context, flags, { serial, batchId: board.batch.id }, changeId, 'done');
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

class Session {
  readonly #context: CommandContext;
  readonly #config: Config;
  readonly #journal: Journal;
  readonly #flags: DeviceChangeFlags;
  readonly #serial: string;
  readonly #registry: AwsIotRegistry;
  readonly #signal: AbortSignal;

  constructor(
    context: CommandContext,
    config: Config,
    journal: Journal,
    flags: DeviceChangeFlags,
    serial: string,
    registry: AwsIotRegistry,
    signal: AbortSignal,
  ) {
    this.#context = context;
    this.#config = config;
    this.#journal = journal;
    this.#flags = flags;
    this.#serial = serial;
    this.#registry = registry;
    this.#signal = signal;
  }

  /** Returns the id of the change. */
  async run(): Promise<string> {
    const { kind } = this.#flags;
    const state = getBoardState(this.#journal.state, this.#serial);
    const ca = await loadCa(this.#context.workspace);
    const parts = await this.#parts(ca, state.batch.id);
    if (state.life?.pending?.kind !== kind) {
      const before = await this.#journal.issued(this.#serial);
      checkKey(before, kind, this.#flags.csr !== undefined);
      const pending = await this.#journal.pendingChange(state);
      // Revoking waits for nobody.
      if (parts.backend && kind !== 'revoke') {
        const [standing] = await parts.backend.requests.lookUp([before]);
        if (standing) checkWithBackend(before, kind, standing);
      }
      // What a change that is given up had made must end with it.
      const from = pending ? { type: 'board_issued' as const, ...pending.board } : before;
      const after = await this.#prepare(parts, ca, kind === 'revoke' || kind === 'destroy' ? from : before);
      await planChange(parts, {
        changeId: ulid(this.#context.surroundings.clock.now()),
        kind,
        operator: this.#context.operator,
        reason: readReason(this.#flags.reason),
        after,
        replacedBy: this.#flags.replacedBy,
      });
    }
    return (await runChange(parts, this.#serial, this.#signal)).change_id;
  }

  async #parts(ca: FactoryCa, batchId: string): Promise<ChangeParts> {
    const { workspace, surroundings } = this.#context;
    const config = this.#config;
    const batch = this.#journal.state.batches.get(batchId);
    const region = requireSetting(config, 'region');
    if (!batch || batch.region !== region)
      throw new Refusal(
        'conflict',
        `Board ${this.#serial} is in region ${batch?.region}, not in ${region}; give --region.`,
      );
    const { AwsIotUpkeep } = await import('../cloud/aws-iot-upkeep.ts');
    const station = await loadStation(workspace);
    const client = this.#context.backend(config, this.#signal);
    const registered = this.#journal.state.registeredCas.get(region);
    const isRegistered =
      config.certificate_registration === 'ca' && registered?.has(fingerprintOf(ca.issuing)) === true;
    return {
      journal: this.#journal,
      registry: this.#registry,
      upkeep: new AwsIotUpkeep(this.#registry.calls),
      station,
      backend: client && { client, requests: new StationRequests(client, station, surroundings.clock) },
      settings: {
        registry: this.#registry,
        folder: new BatchFolder(workspace, batchId),
        stationId: batch.stationId,
        thingType: config.thing_type,
        policy: config.policy,
        thingGroup: config.thing_group,
        caPem: isRegistered ? ca.issuing.toString() : undefined,
        certificateArnPrefix: await this.#certificateArnPrefix(),
      },
      folderOf: (id) => new BatchFolder(workspace, id),
    };
  }

  /** What takes a board away works in an account that has lost what boards need. */
  async #certificateArnPrefix(): Promise<string> {
    const { kind } = this.#flags;
    if (kind !== 'revoke' && kind !== 'destroy') return await checkCloud(this.#registry, this.#config);
    const policyArn = await this.#registry.findPolicyArn(this.#config.policy);
    if (policyArn === undefined && kind === 'destroy') return await checkCloud(this.#registry, this.#config);
    return policyArn?.replace(/policy\/.*$/, 'cert/') ?? '';
  }

  /** Makes what the change needs on this disk, before anybody hears of it. */
  async #prepare(parts: ChangeParts, ca: FactoryCa, before: BoardIssued): Promise<BoardIssued> {
    const { folder } = parts.settings;
    switch (this.#flags.kind) {
      case 'reissue_code':
        return await addNewCode(folder, before);
      case 'rotate': {
        const ask = await this.#request(ca);
        return await this.#withDesk(ca, (desk) => stageNewKey(desk, folder, before, ask));
      }
      case 'rma': {
        const ask = await this.#request(ca);
        return await this.#withDesk(ca, async (desk) =>
          addNewCode(folder, await stageNewKey(desk, folder, before, ask)),
        );
      }
      case 'transfer':
        return { ...before, batch_id: this.#flags.toBatch ?? before.batch_id };
      case 'revoke':
      case 'destroy':
        return before;
    }
  }

  /** Of a board that keeps its own key. */
  async #request(ca: FactoryCa): Promise<CertificateAsk | undefined> {
    const { csr } = this.#flags;
    if (csr === undefined) return undefined;
    const { readNewRequest } = await import('../csr/new-request.ts');
    return await readNewRequest(csr, this.#serial, { standings: this.#journal.standings(), ca });
  }

  async #withDesk(ca: FactoryCa, work: (desk: IdentityDesk) => Promise<BoardIssued>): Promise<BoardIssued> {
    const config = this.#config;
    const now = this.#context.surroundings.clock.now();
    const bundle = await bundleSettingsOf(config, ca, this.#registry);
    const signer = await openIssuingSigner(ca, this.#context.keyOpening(config));
    try {
      const issuer = leafIssuerOf(ca, signer, validityOf(now, config.certificate_years), now);
      return await work({ issuer, bundle });
    } finally {
      signer.close();
    }
  }
}

function checkFlags(flags: DeviceChangeFlags, serial: string): void {
  readReason(flags.reason);
  if (flags.kind !== 'destroy' || (flags.confirm && readSerial(flags.confirm) === serial)) return;
  throw new Refusal(
    'usage',
    `There is no way back from this: say so with --confirm ${serial}. Its certificate, thing, bundle and code will be gone.`,
  );
}

function checkTarget(
  state: JournalState,
  { kind, toBatch, replacedBy }: DeviceChangeFlags,
  serial: string,
): void {
  if (kind === 'transfer' && !state.batches.has(toBatch ?? ''))
    throw new Refusal(
      'usage',
      `There is no batch ${toBatch} here; «aovis-provision batch status» lists them.`,
    );
  const from = state.boards.get(serial)?.batch;
  const to = state.batches.get(toBatch ?? '');
  if (kind === 'transfer' && from && to && from.region !== to.region)
    throw new Refusal(
      'conflict',
      `Batch ${to.id} is in region ${to.region}, board ${serial} in ${from.region}.`,
    );
  if (replacedBy === undefined) return;
  const other = state.boards.get(replacedBy);
  if (replacedBy === serial || !other || !isProvisioned(other) || !isLive(other))
    throw new Refusal(
      'usage',
      `${replacedBy} is no finished board of this workspace that could take its place.`,
    );
}

async function sayWhatWouldBeDone(
  context: CommandContext,
  flags: DeviceChangeFlags,
  serial: string,
): Promise<void> {
  const config = await context.config();
  const path = journalPath(context.workspace);
  const replay = await replayJournal(path);
  const { state } = replay;
  const board = getBoardState(state, serial);
  const done = isDoneAlready(board, flags.kind);
  if (!done) {
    checkChange(board, serial, flags.kind, config.backend_url !== undefined);
    checkTarget(state, flags, serial);
  }
  if (!done && board.life?.pending?.kind !== flags.kind) {
    checkKey(await readIssued(path, state, serial), flags.kind, flags.csr !== undefined);
    if (flags.csr !== undefined) {
      const { readNewRequest } = await import('../csr/new-request.ts');
      const ca = await loadCa(context.workspace);
      await readNewRequest(flags.csr, serial, { standings: readStandings(path, replay), ca });
    }
  }
  const pending = board.life?.pending?.kind === flags.kind ? board.life.pending : undefined;
  const left = done ? [] : changeSteps[flags.kind].filter(({ name }) => !pending?.steps.has(name));
  context.terminal.result(
    { serial, change: commandOf(flags.kind), steps: left.map(({ name, does }) => ({ name, does })) },
    [
      ...(left.length === 0 ? ['Nothing is left to do.'] : left.map(({ does }, i) => `${i + 1}. ${does}`)),
      'Nothing was done.',
    ],
  );
}

function report(
  { terminal, workspace }: CommandContext,
  { kind, toBatch, csr }: DeviceChangeFlags,
  { serial, batchId }: { serial: string; batchId: string },
  changeId: string | undefined,
  result: 'done' | 'unchanged',
): void {
  // A new code is a new label: its first print needs no reason.
  const print = `aovis-provision labels print ${batchId} --serial ${serial}`;
  const sentences: Record<DeviceChangeKind, string> = {
    reissue_code: `Board ${serial} has a new activation code; the one before is worth nothing. Destroy the old label and print the new one: ${print}`,
    rotate: `Board ${serial} has a new ${csr === undefined ? 'key and certificate' : 'certificate for its own new key'}; flash its bundle again. The certificate before is revoked.`,
    rma: `Board ${serial} has a new ${csr === undefined ? 'key, certificate' : 'certificate for its own new key'} and activation code. Flash its bundle, destroy the old label and print the new one: ${print}`,
    transfer: `Board ${serial} counts to batch ${toBatch} now.`,
    revoke: `Board ${serial} is revoked: its certificates open nothing, and nobody can activate it.`,
    destroy: `Board ${serial} is gone: at AWS IoT, at the backend and here.`,
  };
  terminal.result({ serial, change: commandOf(kind), change_id: changeId, result, workspace }, [
    result === 'done' ? sentences[kind] : `Board ${serial}: it was so already, nothing was done.`,
  ]);
}
