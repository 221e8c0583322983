import type { Database } from '../../db/database.ts';
import type { CredentialState, StoredCredentials, StoredLineBoard } from './line-board.ts';

interface BoardRow {
  device_id: string;
  serial: string;
  line_id: string;
  model: string;
  batch_id: string;
  hardware_id: string | null;
  iccid: string | null;
  status: StoredLineBoard['status'];
  code_epoch: number;
}

interface CredentialsRow {
  version: number;
  state: CredentialState;
  csr: string | null;
  certificate_id: string | null;
  activation_code_hash: string | null;
  sealed: string | null;
}

export class LineRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The board with its newest credentials; its device is locked until the transaction ends. */
  async lock(deviceId: string): Promise<StoredLineBoard | undefined> {
    const row = await this.#db('devices')
      .join('line_boards', 'line_boards.device_id', 'devices.device_id')
      .where('devices.device_id', deviceId)
      .forUpdate('devices')
      .first<BoardRow | undefined>('line_boards.*', 'serial', 'iccid', 'status', 'code_epoch');
    if (row === undefined) return undefined;
    const owner = await this.#db('device_ownerships')
      .where({ device_id: deviceId, ended_at: null })
      .first<{ epoch: number } | undefined>('epoch');
    const newest = (await this.listCredentials(deviceId)).at(-1);
    if (newest === undefined) throw new Error(`${deviceId} has no credentials`);
    return {
      deviceId,
      serial: row.serial,
      lineId: row.line_id,
      model: row.model,
      batchId: row.batch_id,
      hardwareId: row.hardware_id ?? undefined,
      iccid: row.iccid ?? undefined,
      status: row.status,
      codeEpoch: row.code_epoch,
      owned: owner !== undefined,
      newest,
    };
  }

  /** Oldest first. */
  async listCredentials(deviceId: string): Promise<StoredCredentials[]> {
    const rows = await this.#db('line_credentials')
      .where({ device_id: deviceId })
      .orderBy('version')
      .select<CredentialsRow[]>(
        'version',
        'state',
        'csr',
        'certificate_id',
        'activation_code_hash',
        'sealed',
      );
    return rows.map(toCredentials);
  }

  /** Claims of the same piece or card go one after the other. */
  async lockParts(hardwareId: string, iccid: string | undefined): Promise<void> {
    const parts = [`hardware:${hardwareId}`, ...(iccid === undefined ? [] : [`iccid:${iccid}`])];
    for (const part of parts)
      await this.#db.raw(`SELECT pg_advisory_xact_lock(hashtextextended(?, 0))`, [`line-${part}`]);
  }

  async findDeviceOfHardware(hardwareId: string): Promise<string | undefined> {
    const row = await this.#db('line_boards')
      .where({ hardware_id: hardwareId })
      .first<{ device_id: string } | undefined>('device_id');
    return row?.device_id;
  }

  async findDeviceOfIccid(iccid: string): Promise<string | undefined> {
    const row = await this.#db('devices')
      .where({ iccid })
      .first<{ device_id: string } | undefined>('device_id');
    return row?.device_id;
  }

  /** False when there is such a device already, however it came to be. */
  async insertBoard(
    board: { deviceId: string; serial: string; model: string; batchId: string; lineId: string },
    claimPolicy: string,
    now: Date,
  ): Promise<boolean> {
    const { deviceId, serial, model, batchId, lineId } = board;
    const made = await this.#db('devices')
      .insert({
        device_id: deviceId,
        serial,
        model,
        batch_id: batchId,
        activation_policy: claimPolicy,
        status: 'planned',
        created_at: now,
        updated_at: now,
      })
      .onConflict('device_id')
      .ignore()
      .returning('device_id');
    if (made.length === 0) return false;
    await this.#db('line_boards').insert({
      device_id: deviceId,
      line_id: lineId,
      model,
      batch_id: batchId,
      created_at: now,
    });
    return true;
  }

  async insertCredentials(
    deviceId: string,
    { version, csr }: { version: number; csr: string | undefined },
    now: Date,
  ): Promise<void> {
    await this.#db('line_credentials').insert({
      device_id: deviceId,
      version,
      csr: csr ?? null,
      created_at: now,
    });
  }

  async claim(
    deviceId: string,
    { hardwareId, iccid }: { hardwareId: string; iccid: string | undefined },
    now: Date,
  ): Promise<void> {
    await this.#db('line_boards')
      .where({ device_id: deviceId })
      .update({ hardware_id: hardwareId, claimed_at: now });
    if (iccid !== undefined)
      await this.#db('devices').where({ device_id: deviceId }).update({ iccid, updated_at: now });
  }

  /** Those that were made go from `preparing` to `ready`; false when they are not wanted any more. */
  async storeMade(
    deviceId: string,
    version: number,
    made: { certificateId: string; activationCodeHash: string; sealed: string },
  ): Promise<boolean> {
    const changed = await this.#db('line_credentials')
      .where({ device_id: deviceId, version, state: 'preparing' })
      .update({
        state: 'ready',
        certificate_id: made.certificateId,
        activation_code_hash: made.activationCodeHash,
        sealed: made.sealed,
      });
    return changed > 0;
  }

  async refuse(deviceId: string, version: number): Promise<void> {
    await this.#db('line_credentials')
      .where({ device_id: deviceId, version, state: 'preparing' })
      .update({ state: 'refused' });
  }

  /** What was sealed is erased with every one of these. */
  async setState(
    deviceId: string,
    version: number,
    state: Exclude<CredentialState, 'ready'>,
    now: Date,
  ): Promise<void> {
    await this.#db('line_credentials')
      .where({ device_id: deviceId, version })
      .update({
        state,
        sealed: null,
        ...(state === 'shown' && { shown_at: now }),
        ...(state === 'registered' && { registered_at: now }),
      });
  }

  async release(
    board: StoredLineBoard,
    released: { certificateId: string; activationCodeHash: string; codeEpoch: number },
    now: Date,
  ): Promise<void> {
    await this.#db('devices').where({ device_id: board.deviceId }).update({
      status: 'provisioned',
      certificate_id: released.certificateId,
      handed_over_certificate_id: null,
      activation_code_hash: released.activationCodeHash,
      code_epoch: released.codeEpoch,
      updated_at: now,
    });
  }
}

function toCredentials(row: CredentialsRow): StoredCredentials {
  return {
    version: row.version,
    state: row.state,
    csr: row.csr ?? undefined,
    certificateId: row.certificate_id ?? undefined,
    activationCodeHash: row.activation_code_hash ?? undefined,
    sealed: row.sealed ?? undefined,
  };
}
