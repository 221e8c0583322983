import { readFile } from 'node:fs/promises';
import { maskIccid } from '@aovis/contracts/ids';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { record } from '../audit/audit-log.ts';
import type { CardDirectory, SimStatus } from './card-directory.ts';
import { parseCardFile } from './card-file.ts';
import {
  type CardConflict,
  type InventoryPlan,
  type ListedCard,
  planInventory,
  type StoredCard,
} from './inventory-rules.ts';

/** What an import or a comparison with the carrier did, or would do. Card numbers are masked. */
export interface InventoryResult {
  dry_run: boolean;
  added: number;
  changed: number;
  unchanged: number;
  /** On record, but not in the list; for a person to look at. */
  missing: number;
  conflicts: { iccid: string; reason: CardConflict }[];
}

interface Update {
  source: 'file' | 'carrier';
  dryRun: boolean;
  /** Whether the rest is stored in spite of conflicts. */
  partly: boolean;
}

const chunk = 500;
/** Any number that nothing else locks: updates of the inventory take turns. */
const lockKey = 0x73696d73;

/** Which SIM cards we have. */
export class InventoryService {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Database; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Takes the cards of a CSV file (`parseCardFile`), all of them or, when one is in conflict, none. @throws CardFileRefused */
  async importFile(path: string, { dryRun }: { dryRun: boolean }): Promise<InventoryResult> {
    const cards = parseCardFile(await readFile(path, 'utf8'));
    return this.#update(cards, { source: 'file', dryRun, partly: false });
  }

  /** Takes over what the carrier says of our cards. @throws AppError sim_provider_error, service_unavailable */
  async sync(
    directory: CardDirectory,
    { dryRun, signal }: { dryRun: boolean; signal: AbortSignal },
  ): Promise<InventoryResult> {
    const cards: ListedCard[] = [];
    for await (const page of directory.listCards(signal)) cards.push(...page);
    return this.#update(cards, { source: 'carrier', dryRun, partly: true });
  }

  async #update(cards: readonly ListedCard[], { source, dryRun, partly }: Update): Promise<InventoryResult> {
    return transaction(this.#db, async (trx) => {
      await trx.raw('SELECT pg_advisory_xact_lock(?)', [lockKey]);
      const plan = planInventory(cards, await listStored(trx));
      const result = toResult(plan, dryRun);
      if (dryRun || (plan.conflicts.length > 0 && !partly)) return result;
      await this.#store(trx, plan, source);
      const { added, changed, unchanged, missing, conflicts } = result;
      await record(trx, {
        action: `sim.${source === 'file' ? 'import' : 'sync'}`,
        actor: { kind: 'system' },
        subject: { kind: 'sim_inventory' },
        outcome: 'ok',
        details: { added, changed, unchanged, missing, conflicts: conflicts.length },
      });
      return result;
    });
  }

  async #store(trx: Database, { added, changed }: InventoryPlan, source: Update['source']): Promise<void> {
    const now = this.#clock.now();
    const synced = source === 'carrier' ? { synced_at: now } : {};
    for (let from = 0; from < added.length; from += chunk)
      await trx('sims').insert(
        added.slice(from, from + chunk).map(({ iccid, eid, imsi, status = 'provisioned' }) => ({
          iccid,
          eid: eid ?? null,
          imsi: imsi ?? null,
          status,
          ...synced,
        })),
      );
    for (const { iccid, eid, imsi, status } of changed)
      await trx('sims')
        .where({ iccid })
        .update({ eid: eid ?? null, imsi: imsi ?? null, status, updated_at: now, ...synced });
  }
}

interface Row {
  iccid: string;
  eid: string | null;
  imsi: string | null;
  status: SimStatus;
}

async function listStored(trx: Database): Promise<StoredCard[]> {
  const rows = await trx<Row>('sims').select('iccid', 'eid', 'imsi', 'status');
  return rows.map(({ iccid, eid, imsi, status }) => ({
    iccid,
    eid: eid ?? undefined,
    imsi: imsi ?? undefined,
    status,
  }));
}

function toResult(plan: InventoryPlan, dryRun: boolean): InventoryResult {
  return {
    dry_run: dryRun,
    added: plan.added.length,
    changed: plan.changed.length,
    unchanged: plan.unchanged,
    missing: plan.missing.length,
    conflicts: plan.conflicts.map(({ card, reason }) => ({ iccid: maskIccid(card.iccid), reason })),
  };
}
