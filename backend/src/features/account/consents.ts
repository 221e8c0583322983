import { type ConsentKind, consentKinds } from '@aovis/contracts/http/account';
import type { Database } from '../../db/database.ts';

export interface Consent {
  given: boolean;
  /** When that was last said; undefined while it never was. */
  at: Date | undefined;
}

export type Consents = Readonly<Record<ConsentKind, Consent>>;

interface Row {
  kind: ConsentKind;
  given: boolean;
  at: Date;
}

/** What a person agrees to now: nothing that was not said. */
export async function readConsents(db: Database, userId: string): Promise<Consents> {
  const rows = await db('account_consents')
    .distinctOn('kind')
    .where({ user_id: userId })
    .orderBy([{ column: 'kind' }, { column: 'id', order: 'desc' }])
    .select<Row[]>('kind', 'given', 'at');
  const said = new Map(rows.map(({ kind, given, at }) => [kind, { given, at }]));
  const never: Consent = { given: false, at: undefined };
  return Object.fromEntries(
    consentKinds.map((kind) => [kind, said.get(kind) ?? never]),
  ) as unknown as Consents;
}

/** Whether the person agrees to this now. Ask each time before doing it: a withdrawal counts at once. */
export async function hasConsented(db: Database, userId: string, kind: ConsentKind): Promise<boolean> {
  const newest = await db('account_consents')
    .where({ user_id: userId, kind })
    .orderBy('id', 'desc')
    .first<{ given: boolean } | undefined>('given');
  return newest?.given ?? false;
}

/** Adds to the history; what was said before stays in it. */
export async function insertConsent(
  trx: Database,
  consent: { userId: string; kind: ConsentKind; given: boolean; now: Date },
): Promise<void> {
  const { userId, kind, given, now } = consent;
  await trx('account_consents').insert({ user_id: userId, kind, given, at: now });
}
