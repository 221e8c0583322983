import type { Database } from '../../db/database.ts';
import type { Peppers } from './activation-hash.ts';

/** How many labels of one kind there are, and what that means for who changes the pepper. */
export interface ActivationHashKind {
  /** `hmac-sha256` under a pepper, or `sha256` as imported. */
  kind: string;
  /** Id of the pepper; absent for imported ones. */
  pepper?: string;
  labels: number;
  /** `missing`: nobody can use these labels, until the setting holds the pepper again. */
  standing: 'current' | 'moves at its first use' | 'missing';
}

/**
 * Counts the labels by what their hashes are under. A pepper that is in nothing of it may be taken out of
 * `AOVIS_ACTIVATION_PEPPERS`. What a production line was given and has not registered yet counts
 * too: it becomes a label with the hash that it has.
 */
export async function countActivationHashes(db: Database, peppers: Peppers): Promise<ActivationHashKind[]> {
  const { rows } = await db.raw<{ rows: { kind: string; pepper: string; labels: string }[] }>(
    `SELECT split_part(hash, '$', 1) AS kind,
            CASE WHEN hash LIKE 'hmac-sha256$%' THEN split_part(hash, '$', 2) ELSE '' END AS pepper,
            count(*) AS labels
       FROM (SELECT activation_code_hash AS hash FROM devices
             UNION ALL SELECT activation_code_hash FROM line_credentials WHERE state IN ('ready', 'shown')) labels
      WHERE hash IS NOT NULL
      GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  return rows.map(({ kind, pepper, labels }) => ({
    kind,
    ...(pepper === '' ? {} : { pepper }),
    labels: Number(labels),
    standing: standingOf(pepper, peppers),
  }));
}

function standingOf(pepper: string, { currentId, keys }: Peppers): ActivationHashKind['standing'] {
  if (pepper === currentId) return 'current';
  return pepper === '' || keys.has(pepper) ? 'moves at its first use' : 'missing';
}
