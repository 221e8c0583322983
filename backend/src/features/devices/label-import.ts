import { readFile } from 'node:fs/promises';
import { deviceIdOf, modelOf } from '@aovis/contracts/ids';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { record } from '../audit/audit-log.ts';
import type { DeviceStatus } from './activation-rules.ts';
import { LabelFileRefused, type LegacyLabel, parseLabelFile } from './label-file.ts';

/** What an import did, or would do, in boards. */
export interface LabelImportResult {
  dry_run: boolean;
  imported: number;
  /** How many of these were put on record. */
  added: number;
  /** They have this very hash already. */
  unchanged: number;
}

/** Boards to a statement and to an audit row. */
const chunk = 500;

/**
 * Gives boards on record the codes of their old labels (`parseLabelFile`): all rows of the file or none. `add` puts boards
 * on record that are not there yet, as planned: a station hands their certificates over later. A label moves to the
 * current pepper when it is first used.
 * @throws LabelFileRefused naming every row that cannot be taken
 */
export async function importLabelFile(
  path: string,
  { db, clock, dryRun, add }: { db: Database; clock: Clock; dryRun: boolean; add: boolean },
): Promise<LabelImportResult> {
  const labels = parseLabelFile(path, await readFile(path, 'utf8'));
  return transaction(db, async (trx) => {
    const boards = await lockBoards(trx, labels);
    const strangers = add ? labels.filter(({ serial }) => !boards.has(serial)) : [];
    const problems = labels.flatMap((label) => {
      const board = boards.get(label.serial);
      const problem = add && board === undefined ? undefined : faultOf(label, board);
      return problem === undefined ? [] : [`line ${label.line}: ${label.serial} ${problem}`];
    });
    if (problems.length > 0) throw new LabelFileRefused(path, problems);
    const fresh = labels.filter(({ serial }) => boards.get(serial)?.activation_code_hash === null);
    if (!dryRun) {
      await putOnRecord(trx, strangers);
      await store(trx, [...fresh, ...strangers], clock.now());
    }
    const imported = fresh.length + strangers.length;
    return {
      dry_run: dryRun,
      imported,
      added: strangers.length,
      unchanged: labels.length - imported,
    };
  });
}

interface Row {
  serial: string;
  status: DeviceStatus;
  activation_code_hash: string | null;
}

/** In the order in which manifests lock them. */
async function lockBoards(trx: Database, labels: readonly LegacyLabel[]): Promise<Map<string, Row>> {
  const rows = await trx<Row>('devices')
    .whereRaw('serial = ANY(?::text[])', [labels.map(({ serial }) => serial)])
    .orderBy('device_id')
    .forUpdate()
    .select('serial', 'status', 'activation_code_hash');
  return new Map(rows.map((row) => [row.serial, row]));
}

function faultOf({ hash }: LegacyLabel, board: Row | undefined): string | undefined {
  if (board === undefined)
    return 'is no board on record; correct the serial, or put such boards on record with --add';
  if (board.status === 'revoked' || board.status === 'retired')
    return `is ${board.status} and cannot be activated any more; take the row out`;
  if (board.activation_code_hash !== null && board.activation_code_hash !== hash)
    return 'has another code, or this one was used since and is stored in the newer form; take the row out';
  return undefined;
}

async function putOnRecord(trx: Database, labels: readonly LegacyLabel[]): Promise<void> {
  for (const part of chunksOf(labels))
    await trx('devices').insert(
      part.map(({ serial }) => {
        const deviceId = deviceIdOf(serial);
        return { device_id: deviceId, serial, model: modelOf(deviceId), status: 'planned' };
      }),
    );
}

function chunksOf(labels: readonly LegacyLabel[]): LegacyLabel[][] {
  return Array.from({ length: Math.ceil(labels.length / chunk) }, (_, index) =>
    labels.slice(index * chunk, (index + 1) * chunk),
  );
}

async function store(trx: Database, labels: readonly LegacyLabel[], now: Date): Promise<void> {
  const chunks = chunksOf(labels);
  for (const part of chunks)
    await trx.raw(
      `UPDATE devices SET activation_code_hash = label.hash, updated_at = ?
         FROM unnest(?::text[], ?::text[]) AS label (serial, hash)
        WHERE devices.serial = label.serial`,
      [now, part.map(({ serial }) => serial), part.map(({ hash }) => hash)],
    );
  for (const part of chunks)
    await record(trx, {
      action: 'label.import',
      actor: { kind: 'system' },
      subject: { kind: 'labels' },
      outcome: 'ok',
      details: { imported: part.length, serials: part.map(({ serial }) => serial) },
    });
}
