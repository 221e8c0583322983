import { type ManifestResult, manifestResultSchema } from '@aovis/contracts/http/factory';
import type { Manifest, ManifestDevice } from '@aovis/contracts/provisioning';
import type { Database } from '../../db/database.ts';
import type { ClaimPolicy } from '../devices/activation-rules.ts';

export interface Station {
  stationId: string;
  publicKeyPem: string;
  createdAt: Date;
  disabledAt: Date | undefined;
}

interface StationRow {
  station_id: string;
  public_key_pem: string;
  created_at: Date;
  revoked_at: Date | null;
}

export interface StoredManifest {
  payloadSha256: string;
  result: ManifestResult;
}

/** A board as stored, with what a manifest's row is compared with. */
export interface StoredBoard {
  deviceId: string;
  certificateId: string | undefined;
  /** That of the station or line, once the board has another one by a job. */
  handedOverCertificateId: string | undefined;
  activationCodeHash: string | undefined;
  codeEpoch: number;
  iccid: string | undefined;
  status: string;
}

interface BoardRow {
  device_id: string;
  certificate_id: string | null;
  handed_over_certificate_id: string | null;
  activation_code_hash: string | null;
  code_epoch: number;
  iccid: string | null;
  status: string;
}

export class FactoryRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async listStations(): Promise<Station[]> {
    const rows = await this.#db<StationRow>('factory_stations').orderBy('station_id');
    return rows.map(toStation);
  }

  async findStation(stationId: string): Promise<Station | undefined> {
    const row = await this.#db<StationRow>('factory_stations').where({ station_id: stationId }).first();
    return row && toStation(row);
  }

  async insertStation(stationId: string, publicKeyPem: string, now: Date): Promise<void> {
    await this.#db('factory_stations').insert({
      station_id: stationId,
      public_key_pem: publicKeyPem,
      created_at: now,
    });
  }

  async disableStation(stationId: string, now: Date): Promise<void> {
    await this.#db('factory_stations')
      .where({ station_id: stationId, revoked_at: null })
      .update({ revoked_at: now });
  }

  /** Imports are rare and short: one after the other, so that a decision holds until it is stored. */
  async lockImports(): Promise<void> {
    await this.#db.raw(`SELECT pg_advisory_xact_lock(hashtextextended('factory-manifests', 0))`);
  }

  async findManifest(manifestId: string): Promise<StoredManifest | undefined> {
    const row = await this.#db('factory_manifests')
      .where({ manifest_id: manifestId })
      .first<{ payload_digest: Buffer; result: unknown } | undefined>('payload_digest', 'result');
    return (
      row && {
        payloadSha256: row.payload_digest.toString('hex'),
        // In the schema's order of keys, which jsonb does not keep: the answer is the same to the byte.
        result: manifestResultSchema.parse(row.result),
      }
    );
  }

  /** The manifest's boards, and those that hold one of its certificates or SIM cards; locked. */
  async lockBoards(devices: readonly ManifestDevice[]): Promise<StoredBoard[]> {
    const iccids = devices.flatMap(({ iccid }) => (iccid === undefined ? [] : [iccid]));
    const rows = await this.#db<BoardRow>('devices')
      .whereIn(
        'device_id',
        devices.map(({ device_id }) => device_id),
      )
      .orWhereIn(
        'certificate_id',
        devices.map(({ certificate_id }) => certificate_id),
      )
      .orWhereIn('iccid', iccids)
      .orderBy('device_id')
      .forUpdate()
      .select<BoardRow[]>(
        'device_id',
        'certificate_id',
        'handed_over_certificate_id',
        'activation_code_hash',
        'code_epoch',
        'iccid',
        'status',
      );
    return rows.map(toStoredBoard);
  }

  async insertManifest(manifest: Manifest, stored: StoredManifest, now: Date): Promise<void> {
    await this.#db('factory_manifests').insert({
      manifest_id: manifest.manifest_id,
      station_id: manifest.station_id,
      batch_id: manifest.batch_id,
      payload_digest: Buffer.from(stored.payloadSha256, 'hex'),
      device_count: manifest.devices.length,
      created_at: manifest.created_at,
      received_at: now,
      result: JSON.stringify(stored.result),
    });
  }

  /** Stores boards as provisioned. A SIM card on record is kept when the manifest names none. */
  async upsertBoards(boards: readonly NewBoard[], manifest: Manifest, now: Date): Promise<void> {
    if (boards.length === 0) return;
    const rows = boards.map(({ device, activationCodeHash, claimPolicy }) => ({
      device_id: device.device_id,
      serial: device.serial,
      model: device.model,
      certificate_id: device.certificate_id,
      activation_code_hash: activationCodeHash ?? null,
      code_epoch: device.code_epoch,
      iccid: device.iccid ?? null,
      activation_policy: claimPolicy,
      status: 'provisioned',
      batch_id: manifest.batch_id,
      manifest_id: manifest.manifest_id,
      updated_at: now,
    }));
    await this.#db('devices')
      .insert(rows)
      .onConflict('device_id')
      .merge({
        // What a board has got by a job since stays: the station knows of none of it.
        certificate_id: this.#db.raw(
          'CASE WHEN devices.handed_over_certificate_id = excluded.certificate_id THEN devices.certificate_id ELSE excluded.certificate_id END',
        ),
        handed_over_certificate_id: this.#db.raw(
          'CASE WHEN devices.handed_over_certificate_id = excluded.certificate_id THEN devices.handed_over_certificate_id END',
        ),
        activation_code_hash: this.#db.raw('excluded.activation_code_hash'),
        code_epoch: this.#db.raw('excluded.code_epoch'),
        iccid: this.#db.raw('coalesce(devices.iccid, excluded.iccid)'),
        activation_policy: this.#db.raw('excluded.activation_policy'),
        status: this.#db.raw('excluded.status'),
        batch_id: this.#db.raw('excluded.batch_id'),
        manifest_id: this.#db.raw('excluded.manifest_id'),
        updated_at: this.#db.raw('excluded.updated_at'),
      });
  }
}

export interface NewBoard {
  device: ManifestDevice;
  activationCodeHash: string | undefined;
  claimPolicy: ClaimPolicy;
}

function toStation(row: StationRow): Station {
  return {
    stationId: row.station_id,
    publicKeyPem: row.public_key_pem,
    createdAt: row.created_at,
    disabledAt: row.revoked_at ?? undefined,
  };
}

function toStoredBoard(row: BoardRow): StoredBoard {
  return {
    deviceId: row.device_id,
    certificateId: row.certificate_id ?? undefined,
    handedOverCertificateId: row.handed_over_certificate_id ?? undefined,
    activationCodeHash: row.activation_code_hash ?? undefined,
    codeEpoch: row.code_epoch,
    iccid: row.iccid ?? undefined,
    status: row.status,
  };
}
