import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { importManifest, type ManifestDeviceResult } from '@aovis/contracts/http/factory';
import { type ManifestDevice, manifestJwsType, manifestSchema } from '@aovis/contracts/provisioning';
import { compactVerify, importSPKI } from 'jose';

/** The backend's manifest route, as its contract describes it, with jose as an independent reader of the JWS. */
export class FakeBackend {
  readonly stations = new Map<string, string>();
  readonly devices = new Map<string, ManifestDevice>();
  readonly manifests = new Map<string, string>();
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
    const refuse = (status: number, code: string, details?: unknown) =>
      send(response, status, { error: { code, message: `${code}.`, request_id: 'r-1', details } });
    if (request.url !== importManifest.path || request.method !== 'POST') return refuse(404, 'not_found');
    if (raw.length > 256_000) return refuse(413, 'payload_too_large');
    const { manifest: jws, dry_run = false } = JSON.parse(raw.toString()) as {
      manifest: string;
      dry_run?: boolean;
    };
    const fault = dry_run ? undefined : this.fault();
    if (typeof fault === 'number') return refuse(fault, fault === 429 ? 'rate_limited' : 'internal_error');
    const payload = await this.#verify(jws);
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
      for (const device of manifest.devices) this.devices.set(device.device_id, device);
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

  async #verify(jws: string): Promise<string | undefined> {
    const header = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()) as {
      kid?: string;
    };
    const publicKey = this.stations.get(header.kid ?? '');
    if (!publicKey) return undefined;
    const { payload, protectedHeader } = await compactVerify(jws, await importSPKI(publicKey, 'EdDSA'), {
      algorithms: ['EdDSA'],
    });
    return protectedHeader.typ === manifestJwsType ? Buffer.from(payload).toString() : undefined;
  }

  #judge(device: ManifestDevice): ManifestDeviceResult {
    const stored = this.devices.get(device.device_id);
    if (!stored) return { device_id: device.device_id, result: 'accepted' };
    if (stored.activation_code_digest !== device.activation_code_digest)
      return { device_id: device.device_id, result: 'conflict', reason: 'code_differs' };
    return { device_id: device.device_id, result: 'unchanged' };
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
