import { activateDevice } from '@aovis/contracts/http/activation';
import { getDeviceShadow, updateDeviceShadow } from '@aovis/contracts/http/device-shadow';
import {
  getDevice,
  listDeviceEntitlements,
  listDevices,
  releaseDevice,
  renameDevice,
} from '@aovis/contracts/http/devices';
import { ipKeyGenerator } from 'express-rate-limit';
import type { RequestContext } from '../../http/request-context.ts';
import { handle, type Route, type SignedInUser } from '../../http/route.ts';
import { AppError } from '../../kernel/errors.ts';
import type { ActivationService } from './activation-service.ts';
import type { Caller, DeviceService } from './device-service.ts';

export interface DeviceRouteDependencies {
  activations: ActivationService;
  devices: DeviceService;
}

export function deviceRoutes({ activations, devices }: DeviceRouteDependencies): Route[] {
  return [
    handle(
      activateDevice,
      async ({ body, user, requestContext: { ip, requestId } }) =>
        activations.activate({
          userId: user.id,
          network: ipKeyGenerator(ip, 56),
          requestId,
          deviceId: body.aovis_device_id,
          activationCode: body.activation_code ?? undefined,
          iccid: body.iccid ?? undefined,
        }),
      { limits: ['activation'] },
    ),
    handle(listDevices, async ({ query, user }) => ({
      status: 200,
      body: await devices.list(user.id, query),
    })),
    handle(getDevice, async ({ params, user }) => ({
      status: 200,
      body: await devices.get(user.id, params.id),
    })),
    handle(renameDevice, async ({ params, body, user, requestContext }) => ({
      status: 200,
      body: await devices.rename(callerOf(user, requestContext), params.id, body.name),
    })),
    handle(releaseDevice, async ({ params, user, requestContext }) => ({
      status: 200,
      body: await devices.release(callerOf(user, requestContext), params.id),
    })),
    handle(listDeviceEntitlements, async ({ params, query, user }) => ({
      status: 200,
      body: await devices.listEntitlements(user.id, params.id, query),
    })),
    handle(getDeviceShadow, async ({ params, query, user }) => {
      const shadow = await devices.getShadow(user.id, params.id, query.name);
      return { status: 200, body: shadow, headers: { ETag: `"${shadow.version}"` } };
    }),
    handle(updateDeviceShadow, async ({ params, body, user, requestContext }) => {
      const shadow = await devices.updateShadow(callerOf(user, requestContext), params.id, {
        desired: body.desired,
        expectedVersion: versionOf(requestContext.header('if-match')),
      });
      return { status: 200, body: shadow, headers: { ETag: `"${shadow.version}"` } };
    }),
  ];
}

function callerOf(user: SignedInUser, { requestId }: RequestContext): Caller {
  return { userId: user.id, requestId };
}

/** `7` or `"7"` (RFC 9110, entity tags). */
function versionOf(ifMatch: string | undefined): number {
  const [, version] = /^"?(\d{1,15})"?$/.exec(ifMatch ?? '') ?? [];
  if (version !== undefined) return Number(version);
  const message = 'send the version that you read from the shadow, e.g. If-Match: 7';
  throw new AppError('invalid_request', { details: [{ path: 'headers.If-Match', message }] });
}
