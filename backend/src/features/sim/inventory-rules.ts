import type { SimStatus } from './card-directory.ts';
import { sameIccid } from './iccid.ts';

/** A SIM card as a list has it, ours or the carrier's. */
export interface ListedCard {
  iccid: string;
  eid: string | undefined;
  imsi: string | undefined;
  /** Undefined: the list says nothing of it. */
  status: SimStatus | undefined;
}

export interface StoredCard extends ListedCard {
  status: SimStatus;
}

/**
 * - `eid_differs`, `imsi_differs`: the card is on record with another one.
 * - `eid_in_use`, `imsi_in_use`: another card has this one, on record or further up in the list.
 * - `listed_twice`: the list has the card more than once.
 */
export type CardConflict = `${UniqueName}_differs` | `${UniqueName}_in_use` | 'listed_twice';

/** What no two cards share. */
const uniqueNames = ['eid', 'imsi'] as const;
type UniqueName = (typeof uniqueNames)[number];
/** The card that has it, for each. */
type Holders = Readonly<Record<UniqueName, Map<string, string>>>;

export interface InventoryPlan {
  added: ListedCard[];
  /** As they will be. */
  changed: StoredCard[];
  unchanged: number;
  conflicts: { card: ListedCard; reason: CardConflict }[];
  /** On record, not in the list. */
  missing: StoredCard[];
}

/** What a list of cards means for those on record. Nothing on record is overwritten but the status. */
export function planInventory(listed: readonly ListedCard[], stored: readonly StoredCard[]): InventoryPlan {
  const plan: InventoryPlan = { added: [], changed: [], unchanged: 0, conflicts: [], missing: [] };
  const findStored = indexOf(stored);
  const holders: Holders = { eid: new Map(), imsi: new Map() };
  for (const card of stored) hold(holders, card, card.iccid);
  const seen = new Set<string>();
  for (const card of listed) {
    const known = findStored(card.iccid);
    const iccid = known?.iccid ?? card.iccid;
    const reason = seen.has(iccid) ? 'listed_twice' : conflictOf(card, known, holders);
    seen.add(iccid);
    if (reason !== undefined) {
      plan.conflicts.push({ card, reason });
      continue;
    }
    hold(holders, card, iccid);
    if (known === undefined) plan.added.push(card);
    else if (isNews(card, known)) plan.changed.push(completed(known, card));
    else plan.unchanged += 1;
  }
  plan.missing = stored.filter(({ iccid }) => !seen.has(iccid));
  return plan;
}

/** Finds a card by its number with or without the check digit. */
function indexOf(stored: readonly StoredCard[]): (iccid: string) => StoredCard | undefined {
  const exact = new Map(stored.map((card) => [card.iccid, card]));
  const shorter = new Map(stored.map((card) => [card.iccid.slice(0, -1), card]));
  return (iccid) =>
    [exact.get(iccid), exact.get(iccid.slice(0, -1)), shorter.get(iccid)].find(
      (card) => card !== undefined && sameIccid(card.iccid, iccid),
    );
}

function conflictOf(
  card: ListedCard,
  known: StoredCard | undefined,
  holders: Holders,
): CardConflict | undefined {
  const differing = uniqueNames.find(
    (name) => card[name] !== undefined && known?.[name] !== undefined && card[name] !== known[name],
  );
  if (differing !== undefined) return `${differing}_differs`;
  const taken = uniqueNames.find((name) => {
    const holder = holders[name].get(card[name] ?? '');
    return holder !== undefined && holder !== known?.iccid;
  });
  return taken && `${taken}_in_use`;
}

function hold(holders: Holders, card: ListedCard, iccid: string): void {
  for (const name of uniqueNames) {
    const value = card[name];
    if (value !== undefined) holders[name].set(value, iccid);
  }
}

function isNews(card: ListedCard, known: StoredCard): boolean {
  return (['eid', 'imsi', 'status'] as const).some(
    (name) => card[name] !== undefined && card[name] !== known[name],
  );
}

function completed(known: StoredCard, { eid, imsi, status }: ListedCard): StoredCard {
  return { ...known, eid: known.eid ?? eid, imsi: known.imsi ?? imsi, status: status ?? known.status };
}
