import type { AdminDeviceDetail, AdminDeviceView } from '@aovis/contracts/http/admin-devices';
import { deviceIdSchema, maskIccid } from '@aovis/contracts/ids';
import type { Database } from '../../db/database.ts';
import { type PageRequest, pageOf, readCursor } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { beginningWith } from './staff.ts';

type DeviceRow = Omit<AdminDeviceView, 'last_seen_at'> & { last_seen_at: Date | null };

export interface DeviceFilter {
  q?: string | undefined;
  batch_id?: string | undefined;
  status?: AdminDeviceView['status'] | undefined;
  owner_id?: string | undefined;
}

/** Lists in the order of a name have no time. */
const anyTime = new Date(0);
const nameForm = /^[\w-]{1,64}$/;

/** By device id. @throws AppError invalid_request when the cursor is none of ours */
export async function findDevices(
  db: Database,
  { limit, cursor, q, batch_id, status, owner_id }: PageRequest & DeviceFilter,
): Promise<{ devices: AdminDeviceView[]; next_cursor: string | null }> {
  const after = readCursor(cursor, nameForm);
  const query = devices(db)
    .orderBy('d.device_id')
    .limit(limit + 1);
  if (q !== undefined)
    query.where((named) => {
      void named
        .where('d.device_id', 'like', beginningWith(q.trim().toLowerCase()))
        .orWhere('d.serial', 'like', beginningWith(q.trim().toUpperCase()));
    });
  if (batch_id !== undefined) query.where('d.batch_id', batch_id);
  if (status !== undefined) query.where('d.status', status);
  if (owner_id !== undefined) query.where('o.user_id', owner_id);
  if (after) query.where('d.device_id', '>', after.key);
  const { page, nextCursor } = pageOf(await query, limit, ({ device_id: key }) => ({ at: anyTime, key }));
  return { devices: page.map(toDeviceView), next_cursor: nextCursor };
}

/** @throws AppError device_not_found */
export async function getDeviceDetail(db: Database, id: string): Promise<AdminDeviceDetail> {
  type DetailRow = DeviceRow &
    Pick<AdminDeviceDetail, 'activation_policy' | 'code_epoch' | 'ownership_epoch' | 'iccid' | 'owner_email'>;
  // Anything else cannot be a device, and perhaps no text that can be looked up.
  if (!deviceIdSchema.safeParse(id).success) throw new AppError('device_not_found');
  const row = await devices(db)
    .leftJoin('users as u', 'u.id', 'o.user_id')
    .where('d.device_id', id)
    .select('d.activation_policy', 'd.code_epoch', 'd.ownership_epoch', 'd.iccid', 'u.email as owner_email')
    .first<DetailRow | undefined>();
  if (row === undefined) throw new AppError('device_not_found');
  const ownerships = await db('device_ownerships')
    .where({ device_id: id })
    .orderBy('epoch')
    .select<
      { user_id: string; epoch: number; started_at: Date; ended_at: Date | null; end_reason: string | null }[]
    >('user_id', 'epoch', 'started_at', 'ended_at', 'end_reason');
  const entitlements = await db('entitlements').where({ device_id: id }).orderBy(['starts_at', 'id']).select<
    (Omit<AdminDeviceDetail['entitlements'][number], 'starts_at' | 'ends_at'> & {
      starts_at: Date;
      ends_at: Date | null;
    })[]
  >('id', 'user_id', 'capability', 'source', 'status', 'starts_at', 'ends_at');
  return {
    ...toDeviceView(row),
    claim_state: claimStateOf(row),
    activation_policy: row.activation_policy,
    code_epoch: row.code_epoch,
    ownership_epoch: row.ownership_epoch,
    iccid: row.iccid === null ? null : maskIccid(row.iccid),
    owner_email: row.owner_email === null ? null : maskEmail(row.owner_email),
    ownerships: ownerships.map((ownership) => ({
      ...ownership,
      started_at: ownership.started_at.toISOString(),
      ended_at: ownership.ended_at?.toISOString() ?? null,
    })),
    entitlements: entitlements.map((entitlement) => ({
      ...entitlement,
      starts_at: entitlement.starts_at.toISOString(),
      ends_at: entitlement.ends_at?.toISOString() ?? null,
    })),
  };
}

function claimStateOf({ owner_id, status }: DeviceRow): AdminDeviceDetail['claim_state'] {
  if (owner_id !== null) return 'owned';
  return status === 'provisioned' ? 'claimable' : 'closed';
}

/** `anna@example.com` → `a***@example.com`: enough to tell whom one is talking to. */
function maskEmail(email: string): string {
  const [local = '', domain = ''] = email.split('@');
  return `${local.slice(0, 1)}***@${domain}`;
}

function devices(db: Database) {
  return db('devices as d')
    .leftJoin('device_ownerships as o', (join) =>
      join.on('o.device_id', 'd.device_id').andOnNull('o.ended_at'),
    )
    .leftJoin('device_presence as p', 'p.device_id', 'd.device_id')
    .select<DeviceRow[]>(
      'd.device_id',
      'd.serial',
      'd.model',
      'd.status',
      'd.batch_id',
      'o.user_id as owner_id',
      db.raw('coalesce(p.online, false) AS online'),
      'd.last_seen_at',
    );
}

function toDeviceView(row: DeviceRow): AdminDeviceView {
  return {
    device_id: row.device_id,
    serial: row.serial,
    model: row.model,
    status: row.status,
    batch_id: row.batch_id,
    owner_id: row.owner_id,
    online: row.online,
    last_seen_at: row.last_seen_at?.toISOString() ?? null,
  };
}
