import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type BoardStanding,
  changeBoard,
  importManifest,
  leaseBatch,
  lookUpBoards,
  type ManifestDeviceResult,
} from '@aovis/contracts/http/factory';
import { deviceIdOf } from '@aovis/contracts/ids';
import { type ManifestDevice, manifestJwsType, manifestSchema } from '@aovis/contracts/provisioning';
import {
  type BoardChangeRequest,
  type BoardLookupRequest,
  batchLeaseRequestSchema,
  boardChangeRequestSchema,
  boardLookupRequestSchema,
  stationRequestJwsType,
} from '@aovis/contracts/station-request';
import { compactVerify, importSPKI } from 'jose';

/** The backend's factory routes, as their contracts describe them, with jose as an independent reader of the JWS. */
export class FakeBackend {
  readonly stations = new Map<string, string>();
  readonly devices = new Map<string, ManifestDevice>();
  readonly manifests = new Map<string, string>();
  /** By device id, where it is not `provisioned`. */
  readonly statuses = new Map<string, 'revoked' | 'retired'>();
  /** By device id, where it is not that of the manifest. */
  readonly batches = new Map<string, string>();
  /** Device ids of boards without a certificate whose old labels' codes are on record. */
  readonly importedCodes = new Set<string>();
  /** By device id: what a board has got by a job since. */
  readonly renewed = new Map<string, string>();
  readonly owned = new Set<string>();
  /** Every change that was made, as it was asked for. */
  readonly changes: BoardChangeRequest[] = [];
  /** Station by `<batch>/<hash of the list>`. */
  readonly leases = new Map<string, string>();
  /** Every request as it came: address, headers and body. */
  readonly received: string[] = [];
  dryRuns = 0;
  /** Asked once per real push: answer with this status, or `lose` the answer after the effect. */
  fault: () => number | 'lose' | undefined = () => undefined;
  onPush: ((done: boolean) => void) | undefined;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    this.received.push([request.url, JSON.stringify(request.headers), raw.toString()].join('\n'));
    const refuse = (status: number, code: string, details?: unknown) =>
      send(response, status, { error: { code, message: `${code}.`, request_id: 'r-1', details } });
    if (request.method !== 'POST') return refuse(404, 'not_found');
    if (raw.length > 256_000) return refuse(413, 'payload_too_large');
    if ([lookUpBoards.path, changeBoard.path, leaseBatch.path].some((path) => path === request.url))
      return this.#serveRequest(request, response, raw);
    if (request.url !== importManifest.path) return refuse(404, 'not_found');
    const { manifest: jws, dry_run = false } = JSON.parse(raw.toString()) as {
      manifest: string;
      dry_run?: boolean;
    };
    const fault = dry_run ? undefined : this.fault();
    if (typeof fault === 'number') return refuse(fault, fault === 429 ? 'rate_limited' : 'internal_error');
    const payload = await this.#verify(jws, manifestJwsType);
    if (payload === undefined) return refuse(401, 'unknown_station');
    const manifest = manifestSchema.parse(JSON.parse(payload));
    const before = this.manifests.get(manifest.manifest_id);
    if (!dry_run && before !== undefined && before !== payload)
      return refuse(409, 'manifest_conflict', { manifest_id: 'used_with_another_payload' });
    const devices = manifest.devices.map((device) => this.#judge(device));
    const count = (wanted: string) => devices.filter(({ result }) => result === wanted).length;
    if (!dry_run && count('conflict') > 0) return refuse(409, 'manifest_conflict', { devices });
    if (dry_run) this.dryRuns += 1;
    else {
      this.onPush?.(false);
      this.manifests.set(manifest.manifest_id, payload);
      for (const device of manifest.devices) {
        this.devices.set(device.device_id, device);
        this.batches.set(device.device_id, manifest.batch_id);
      }
      this.onPush?.(true);
    }
    if (fault === 'lose') return void request.socket.destroy();
    send(response, 200, {
      manifest_id: manifest.manifest_id,
      dry_run,
      accepted: count('accepted'),
      unchanged: count('unchanged'),
      conflicts: count('conflict'),
      devices,
    });
  }

  async #serveRequest(request: IncomingMessage, response: ServerResponse, raw: Buffer): Promise<void> {
    const refuse = (status: number, code: string, details?: unknown) =>
      send(response, status, { error: { code, message: `${code}.`, request_id: 'r-1', details } });
    const isChange = request.url === changeBoard.path;
    const fault = isChange ? this.fault() : undefined;
    if (typeof fault === 'number') return refuse(fault, 'internal_error');
    const payload = await this.#verify(
      (JSON.parse(raw.toString()) as { request: string }).request,
      stationRequestJwsType,
    );
    if (payload === undefined) return refuse(401, 'unknown_station');
    if (request.url === leaseBatch.path) return this.#lease(response, payload, refuse);
    if (!isChange)
      return send(response, 200, this.#lookUp(boardLookupRequestSchema.parse(JSON.parse(payload))));
    const change = boardChangeRequestSchema.parse(JSON.parse(payload));
    this.onPush?.(false);
    const reason = this.#change(change);
    this.onPush?.(true);
    if (fault === 'lose') return void request.socket.destroy();
    if (reason !== undefined) return refuse(409, 'board_conflict', { reason });
    send(response, 200, { device_id: deviceIdOf(change.serial), result: 'changed' });
  }

  #lease(
    response: ServerResponse,
    payload: string,
    refuse: (status: number, code: string, details?: unknown) => void,
  ): void {
    const asked = batchLeaseRequestSchema.parse(JSON.parse(payload));
    const key = `${asked.batch_id}/${asked.list_sha256}`;
    const holder = this.leases.get(key);
    const expires_at = new Date(Date.now() + 60_000).toISOString();
    if (holder !== undefined && holder !== asked.station_id)
      return refuse(409, 'batch_leased', { station_id: holder, expires_at });
    if (asked.action === 'release_batch') this.leases.delete(key);
    else this.leases.set(key, asked.station_id);
    send(response, 200, { batch_id: asked.batch_id, expires_at });
  }

  #lookUp(request: BoardLookupRequest): { boards: BoardStanding[]; more: boolean } {
    if (request.action === 'list_batch') {
      const ids = [...this.devices.keys()].filter((id) => this.batches.get(id) === request.batch_id);
      return { boards: ids.map((id) => this.#standing(id)), more: false };
    }
    const boards = request.boards.map(({ serial, activation_code_digest: digest }) => {
      const standing = this.#standing(deviceIdOf(serial));
      const stored = this.devices.get(deviceIdOf(serial));
      return digest && stored
        ? { ...standing, same_code: stored.activation_code_digest === digest }
        : standing;
    });
    return { boards, more: false };
  }

  #standing(deviceId: string): BoardStanding {
    const device = this.devices.get(deviceId);
    const serial = deviceId.slice('aovis-'.length).toUpperCase();
    if (!device) return { serial, device_id: deviceId, status: 'unknown', owned: false };
    const batchId = this.batches.get(deviceId);
    return {
      serial,
      device_id: deviceId,
      status: this.statuses.get(deviceId) ?? 'provisioned',
      ...this.#certificates(device),
      code_epoch: device.code_epoch,
      ...(batchId ? { batch_id: batchId } : {}),
      owned: this.owned.has(deviceId),
    };
  }

  #change(change: BoardChangeRequest): string | undefined {
    const deviceId = deviceIdOf(change.serial);
    const device = this.devices.get(deviceId);
    if (!device) return 'unknown';
    if (change.action === 'retire_board' && this.owned.has(deviceId)) return 'owned';
    this.changes.push(change);
    if (change.action === 'revoke_board') this.statuses.set(deviceId, 'revoked');
    if (change.action === 'retire_board') this.statuses.set(deviceId, 'retired');
    if (change.action === 'move_board') this.batches.set(deviceId, change.batch_id);
    if (change.action === 'replace_certificate')
      this.devices.set(deviceId, { ...device, certificate_id: change.new_certificate_id });
    return undefined;
  }

  async #verify(jws: string, type: string): Promise<string | undefined> {
    const header = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()) as {
      kid?: string;
    };
    const publicKey = this.stations.get(header.kid ?? '');
    if (!publicKey) return undefined;
    const { payload, protectedHeader } = await compactVerify(jws, await importSPKI(publicKey, 'EdDSA'), {
      algorithms: ['EdDSA'],
    });
    return protectedHeader.typ === type ? Buffer.from(payload).toString() : undefined;
  }

  #judge(device: ManifestDevice): ManifestDeviceResult {
    const stored = this.devices.get(device.device_id);
    const hasCode = stored !== undefined || this.importedCodes.has(device.device_id);
    if (device.activation_code === 'printed' && !hasCode)
      return { device_id: device.device_id, result: 'conflict', reason: 'code_missing' };
    if (!stored && device.activation_code !== 'printed' && hasCode)
      return { device_id: device.device_id, result: 'conflict', reason: 'code_differs' };
    if (!stored) return { device_id: device.device_id, result: 'accepted' };
    if (device.code_epoch > stored.code_epoch) return { device_id: device.device_id, result: 'accepted' };
    if (stored.activation_code_digest !== device.activation_code_digest)
      return { device_id: device.device_id, result: 'conflict', reason: 'code_differs' };
    return { device_id: device.device_id, result: 'unchanged' };
  }

  #certificates(device: ManifestDevice) {
    const renewed = this.renewed.get(device.device_id);
    return renewed === undefined
      ? { certificate_id: device.certificate_id }
      : { certificate_id: renewed, handed_over_certificate_id: device.certificate_id };
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
