import type { ShadowView } from '@aovis/contracts/http/device-shadow';
import type {
  DeviceDetail,
  DeviceEntitlementView,
  DeviceView,
  ShadowSummary,
} from '@aovis/contracts/http/devices';
import { deviceIdSchema, maskIccid } from '@aovis/contracts/ids';
import type { DesiredConfig } from '@aovis/contracts/shadow';
import { configShadow } from '@aovis/contracts/topics';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { PageRequest } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { record } from '../audit/audit-log.ts';
import { capabilitiesOf, toEntitlementView } from '../entitlements/entitlement.ts';
import { pageOfEntitlements } from '../entitlements/entitlement-page.ts';
import type { EntitlementService } from '../entitlements/entitlement-service.ts';
import { type OwnedDevice, toDeviceView } from './device.ts';
import type { DeviceAccess } from './device-access.ts';
import { releaseDevice } from './device-release.ts';
import { KnexDeviceRepository } from './device-repository.ts';
import type { ShadowPort } from './shadow-port.ts';
import { summarizeShadow, toShadowView } from './shadow-view.ts';

export interface DeviceDependencies {
  db: Database;
  clock: Clock;
  access: DeviceAccess;
  entitlements: Pick<EntitlementService, 'list'>;
  shadows: ShadowPort;
}

/** Who asks, and under which request id it goes into the audit log. */
export interface Caller {
  userId: string;
  requestId: string;
}

/** What an owner can see of a device and do with it, video apart. */
export class DeviceService {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #access: DeviceAccess;
  readonly #entitlements: Pick<EntitlementService, 'list'>;
  readonly #shadows: ShadowPort;

  constructor({ db, clock, access, entitlements, shadows }: DeviceDependencies) {
    this.#db = db;
    this.#clock = clock;
    this.#access = access;
    this.#entitlements = entitlements;
    this.#shadows = shadows;
  }

  /** @throws AppError invalid_request when the cursor is none of ours */
  async list(
    userId: string,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
  ): Promise<{ devices: DeviceView[]; next_cursor: string | null }> {
    const devices = new KnexDeviceRepository(this.#db);
    const viewpoint = { userId, now: this.#clock.now() };
    const found = await devices.list(viewpoint, { afterDeviceId: readCursor(cursor), limit: limit + 1 });
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : undefined;
    return {
      devices: page.map(toDeviceView),
      next_cursor: last ? Buffer.from(last.deviceId).toString('base64url') : null,
    };
  }

  /** All of it for the owner; for a viewer what viewing takes. @throws AppError device_not_found */
  async get(userId: string, deviceId: string): Promise<DeviceDetail> {
    const device = await this.#access.assertDeviceServiceAccess(userId, deviceId, undefined, {
      minimum: 'viewer',
    });
    const [entitlements, shadow] = await Promise.all([
      this.#entitlements.list(device.ownerId, deviceId),
      device.role === 'owner' ? this.#summary(device) : null,
    ]);
    const now = this.#clock.now();
    const view = { ...toDeviceView(device), capabilities: capabilitiesOf(entitlements, now) };
    if (device.role === 'viewer') return { ...view, iccid: null, entitlements: [], shadow };
    return {
      ...view,
      iccid: device.iccid === undefined ? null : maskIccid(device.iccid),
      entitlements: entitlements.map((entitlement) => toEntitlementView(entitlement, now)),
      shadow,
    };
  }

  /** @throws AppError device_not_found, forbidden, invalid_request when the cursor is none of ours */
  async listEntitlements(
    userId: string,
    deviceId: string,
    page: PageRequest,
  ): Promise<{ entitlements: DeviceEntitlementView[]; next_cursor: string | null }> {
    await this.#access.assertDeviceServiceAccess(userId, deviceId);
    return pageOfEntitlements(await this.#entitlements.list(userId, deviceId), page, this.#clock.now());
  }

  /** @throws AppError device_not_found */
  async rename({ userId, requestId }: Caller, deviceId: string, name: string): Promise<DeviceView> {
    const device = await this.#access.assertDeviceServiceAccess(userId, deviceId);
    await transaction(this.#db, async (trx) => {
      const renamed = await new KnexDeviceRepository(trx).rename(userId, deviceId, name);
      if (!renamed) throw new AppError('device_not_found');
      await record(trx, {
        action: 'device.rename',
        actor: { kind: 'user', id: userId },
        subject: { kind: 'device', id: deviceId },
        outcome: 'ok',
        details: {},
        requestId,
      });
    });
    return toDeviceView({ ...device, name });
  }

  /** Ends the ownership; its trial stays used. @throws AppError device_not_found */
  async release(
    { userId, requestId }: Caller,
    deviceId: string,
  ): Promise<{ device_id: string; released_at: string }> {
    await this.#access.assertDeviceServiceAccess(userId, deviceId);
    const now = this.#clock.now();
    await transaction(this.#db, async (trx) => {
      const released = await releaseDevice(trx, deviceId, { userId, now, requestId });
      if (!released) throw new AppError('device_not_found');
    });
    return { device_id: deviceId, released_at: now.toISOString() };
  }

  /** @throws AppError device_not_found, service_unavailable */
  async getShadow(userId: string, deviceId: string, name: 'config' | 'state'): Promise<ShadowView> {
    assertShadowsWiped(await this.#access.assertDeviceServiceAccess(userId, deviceId));
    const shadow = await this.#shadows.find(deviceId, name === 'config' ? configShadow : undefined);
    return toShadowView(shadow);
  }

  /** @throws AppError device_not_found, shadow_version_conflict, service_unavailable */
  async updateShadow(
    { userId, requestId }: Caller,
    deviceId: string,
    { desired, expectedVersion }: { desired: DesiredConfig; expectedVersion: number },
  ): Promise<ShadowView> {
    assertShadowsWiped(await this.#access.assertDeviceServiceAccess(userId, deviceId));
    await this.#shadows.mergeDesired(deviceId, {
      shadowName: configShadow,
      desired: withoutUndefined(desired),
      expectedVersion,
    });
    await transaction(this.#db, (trx) =>
      record(trx, {
        action: 'device.configure',
        actor: { kind: 'user', id: userId },
        subject: { kind: 'device', id: deviceId },
        outcome: 'ok',
        details: { keys: Object.keys(desired) },
        requestId,
      }),
    );
    return toShadowView(await this.#shadows.find(deviceId, configShadow));
  }

  /** The detail page must open while the shadow service is away. */
  async #summary({ deviceId, shadowsWiped }: OwnedDevice): Promise<ShadowSummary | null> {
    if (!shadowsWiped) return null;
    try {
      return summarizeShadow(await this.#shadows.find(deviceId, undefined));
    } catch (error) {
      if (error instanceof AppError && error.code === 'service_unavailable') return null;
      throw error;
    }
  }
}

/** What a former owner configured is not this one's to see; it is gone within seconds of a change of owner. */
function assertShadowsWiped({ shadowsWiped }: OwnedDevice): void {
  if (!shadowsWiped) throw new AppError('service_unavailable', { retryAfterMs: 2_000 });
}

function readCursor(cursor: string | undefined): string {
  if (cursor === undefined) return '';
  const parsed = deviceIdSchema.safeParse(Buffer.from(cursor, 'base64url').toString());
  if (parsed.success) return parsed.data;
  throw new AppError('invalid_request', {
    details: [{ path: 'query.cursor', message: 'send the next_cursor of the page before' }],
  });
}

/** A shadow knows null (delete) but no undefined. */
function withoutUndefined(desired: DesiredConfig) {
  return JSON.parse(JSON.stringify(desired)) as ReturnType<typeof toShadowView>['desired'];
}
