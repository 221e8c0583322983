import type { Database } from '../../db/database.ts';

/** A board as a station may know it. */
export interface FactoryBoard {
  serial: string;
  deviceId: string;
  status: string;
  certificateId: string | undefined;
  /** With which it was handed over, once it has another one by a job. */
  handedOverCertificateId: string | undefined;
  activationCodeHash: string | undefined;
  codeEpoch: number;
  iccid: string | undefined;
  batchId: string | undefined;
  manifestId: string | undefined;
  owned: boolean;
}

interface BoardRow {
  serial: string;
  device_id: string;
  status: string;
  certificate_id: string | null;
  handed_over_certificate_id: string | null;
  activation_code_hash: string | null;
  code_epoch: number;
  iccid: string | null;
  batch_id: string | null;
  manifest_id: string | null;
  owned: boolean;
}

/** What a change writes; what it leaves out stays. */
export interface BoardUpdate {
  status?: 'revoked' | 'retired';
  certificate_id?: string;
  batch_id?: string;
  activation_code_hash?: null;
}

const columns = [
  'serial',
  'device_id',
  'status',
  'certificate_id',
  'handed_over_certificate_id',
  'activation_code_hash',
  'code_epoch',
  'iccid',
  'batch_id',
  'manifest_id',
];

export class BoardRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async findBySerials(serials: readonly string[]): Promise<FactoryBoard[]> {
    return (await this.#boards().whereIn('serial', serials)).map(toBoard);
  }

  /** In the order of their serials, those after `after`. */
  async listBatch(batchId: string, after: string | undefined, most: number): Promise<FactoryBoard[]> {
    const boards = this.#boards().where({ batch_id: batchId }).orderBy('serial').limit(most);
    return (await (after === undefined ? boards : boards.andWhere('serial', '>', after))).map(toBoard);
  }

  /** The board, locked until the transaction ends. */
  async lock(serial: string): Promise<FactoryBoard | undefined> {
    const row = await this.#boards().where({ serial }).forUpdate('devices').first();
    return row && toBoard(row);
  }

  async isCertificateTaken(certificateId: string, deviceId: string): Promise<boolean> {
    const other = await this.#db('devices')
      .where({ certificate_id: certificateId })
      .andWhereNot({ device_id: deviceId })
      .first<{ device_id: string } | undefined>('device_id');
    return other !== undefined;
  }

  async update(deviceId: string, update: BoardUpdate, now: Date): Promise<void> {
    await this.#db('devices')
      .where({ device_id: deviceId })
      .update({
        ...update,
        ...(update.certificate_id !== undefined && { handed_over_certificate_id: null }),
        updated_at: now,
      });
  }

  #boards() {
    const owned = this.#db.raw(
      'EXISTS (SELECT FROM device_ownerships o WHERE o.device_id = devices.device_id AND o.ended_at IS NULL) AS owned',
    );
    return this.#db<BoardRow>('devices').select<BoardRow[]>(...columns, owned);
  }
}

function toBoard(row: BoardRow): FactoryBoard {
  return {
    serial: row.serial,
    deviceId: row.device_id,
    status: row.status,
    certificateId: row.certificate_id ?? undefined,
    handedOverCertificateId: row.handed_over_certificate_id ?? undefined,
    activationCodeHash: row.activation_code_hash ?? undefined,
    codeEpoch: row.code_epoch,
    iccid: row.iccid ?? undefined,
    batchId: row.batch_id ?? undefined,
    manifestId: row.manifest_id ?? undefined,
    owned: row.owned,
  };
}
