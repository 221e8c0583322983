import { randomUUID } from 'node:crypto';
import { activationCodeDigest, generateActivationCode } from '@aovis/contracts/activation-code';
import { deviceIdOf, modelOf } from '@aovis/contracts/ids';
import type { Database } from '../../../db/database.ts';
import { hashActivationDigest, parsePeppers } from '../activation-hash.ts';

export const testPepperText = `t1:${'5a'.repeat(32)}`;
export const testPeppers = parsePeppers(testPepperText);
export const labelCode = generateActivationCode((bytes) => Buffer.alloc(bytes, 0x2f));
export const otherCode = generateActivationCode((bytes) => Buffer.alloc(bytes, 0x30));

export async function seedUser(db: Database): Promise<string> {
  const [row] = await db('users').insert({ display_name: 'Somebody' }).returning<{ id: string }[]>('id');
  if (row === undefined) throw new Error('no user was stored');
  return row.id;
}

export interface SeededBoard {
  serial?: string;
  status?: 'planned' | 'provisioned' | 'revoked';
  iccid?: string;
  activationPolicy?: 'label' | 'label+device';
  activationCodeHash?: string;
}

let boards = 0;

/** A board as the factory hands it over, its label code `labelCode`. Returns its device id. */
export async function seedBoard(db: Database, board: SeededBoard = {}): Promise<string> {
  // Kept: others are seeded while this one waits.
  const number = ++boards;
  const serial = board.serial ?? `N4K-${String(number).padStart(6, '0')}`;
  const deviceId = deviceIdOf(serial);
  const status = board.status ?? 'provisioned';
  if (board.iccid !== undefined) await db('sims').insert({ iccid: board.iccid });
  await db('devices').insert({
    device_id: deviceId,
    serial,
    model: modelOf(deviceId),
    status,
    iccid: board.iccid ?? null,
    activation_policy: board.activationPolicy ?? 'label',
    ...(status !== 'planned' && {
      certificate_id: number.toString(16).padStart(64, '0'),
      activation_code_hash:
        board.activationCodeHash ??
        hashActivationDigest(activationCodeDigest(serial, labelCode), testPeppers),
    }),
  });
  return deviceId;
}

export async function seedOwnership(
  db: Database,
  ownership: {
    userId: string;
    deviceId: string;
    epoch?: number;
    startedAt?: Date;
    endedAt?: Date;
    name?: string;
  },
): Promise<void> {
  await db('device_ownerships').insert({
    device_id: ownership.deviceId,
    user_id: ownership.userId,
    epoch: ownership.epoch ?? 1,
    name: ownership.name ?? null,
    started_at: ownership.startedAt ?? new Date('2026-03-01T00:00:00Z'),
    ended_at: ownership.endedAt ?? null,
    end_reason: ownership.endedAt ? 'released' : null,
  });
  // As the outbox leaves it some moments after the end of the ownership before.
  await db('devices')
    .where({ device_id: ownership.deviceId })
    .where('shadows_wiped_epoch', '<', (ownership.epoch ?? 1) - 1)
    .update({ shadows_wiped_epoch: (ownership.epoch ?? 1) - 1 });
}

let shares = 0;

/** Somebody's accepted share of a device that has an owner, in the present ownership unless an epoch is given. */
export async function seedShare(
  db: Database,
  { viewerId, deviceId, until, epoch }: { viewerId: string; deviceId: string; until: Date; epoch?: number },
): Promise<string> {
  shares += 1;
  const ownership = await db('device_ownerships')
    .where({ device_id: deviceId, ...(epoch === undefined ? { ended_at: null } : { epoch }) })
    .first<{ epoch: number } | undefined>('epoch');
  if (ownership === undefined) throw new Error(`nobody owns ${deviceId}`);
  const taken = await db('device_shares')
    .where({ device_id: deviceId, ended_at: null })
    .pluck<number[]>('slot');
  const createdAt = new Date(until.getTime() - 86_400_000);
  const [row] = await db('device_shares')
    .insert({
      id: randomUUID(),
      device_id: deviceId,
      epoch: ownership.epoch,
      slot: Math.max(0, ...taken) + 1,
      token_hash: Buffer.from(`share ${shares}`),
      created_at: createdAt,
      invitation_expires_at: until,
      viewer_id: viewerId,
      accepted_at: createdAt,
      expires_at: until,
    })
    .returning<{ id: string }[]>('id');
  if (row === undefined) throw new Error('no share was stored');
  return row.id;
}
