import type { Knex } from 'knex';
import { addConstraints, uniqueIndex } from './added-constraint.ts';

/** Two cards with one IMSI would be one subscriber: an inventory that says so is wrong. */
export const adds = [
  uniqueIndex({
    name: 'sims_imsi',
    table: 'sims',
    columns: ['imsi'],
    rowName: `'…' || right(iccid, 4)`,
  }),
];

export async function up(db: Knex): Promise<void> {
  await addConstraints(db, adds);
}
