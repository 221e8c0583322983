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
  boards += 1;
  const serial = board.serial ?? `N4K-${String(boards).padStart(6, '0')}`;
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
      certificate_id: boards.toString(16).padStart(64, '0'),
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
}
