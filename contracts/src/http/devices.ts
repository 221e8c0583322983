import * as z from 'zod';
import { deviceIdSchema, modelCodeSchema, serialSchema } from '../ids.ts';
import { streamStates } from '../shadow.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute } from './route.ts';

export const capabilities = ['cloud_playback', 'cellular_data'] as const;
export const capabilitySchema = z
  .enum(capabilities)
  .describe('What a plan or trial allows on top of a right to the device; a viewer uses what the owner has.');
export type Capability = z.infer<typeof capabilitySchema>;

const instantSchema = z.iso.datetime();
const deviceNameSchema = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .refine((name) => name.isWellFormed() && !/\p{Cc}/u.test(name), 'a name holds no control characters');

/**
 * `{id}` of a path is the device id. Any text passes: what names no device of the caller is `device_not_found`,
 * malformed or not, so that nobody learns which ids exist.
 */
export const deviceParams = z.strictObject({ id: z.string().max(128) });

export const entitlementSchema = z.strictObject({
  capability: capabilitySchema,
  source: z.enum(['trial', 'purchase', 'grant']),
  starts_at: instantSchema,
  ends_at: instantSchema
    .nullable()
    .describe('First instant at which it no longer counts; null when it has no end.'),
  active: z.boolean().describe('Whether it counts now.'),
});
export type EntitlementView = z.infer<typeof entitlementSchema>;

/** What one is to a device. A viewer sees it while the owner shares it; all that changes something is the owner's. */
export const deviceRoles = ['owner', 'viewer'] as const;
export type DeviceRole = (typeof deviceRoles)[number];

const deviceFields = {
  device_id: deviceIdSchema,
  serial: serialSchema,
  model: modelCodeSchema,
  name: deviceNameSchema.describe('What the owner calls it; the serial until renamed.'),
  online: z.boolean(),
  last_seen_at: instantSchema.nullable().describe('Null while it was never heard of.'),
  activated_at: instantSchema.describe('Since when the present owner has it.'),
  role: z.enum(deviceRoles).describe('A viewer changes nothing.'),
  access_ends_at: instantSchema
    .nullable()
    .describe('First instant at which a viewer may no longer see it; null for the owner.'),
};

export const deviceSchema = z.strictObject(deviceFields);
export type DeviceView = z.infer<typeof deviceSchema>;

/** What a board last said about itself, in short; null where it never said so. */
export const shadowSummarySchema = z.strictObject({
  version: z.int().nonnegative(),
  reported_at: instantSchema,
  agent_version: z.string().nullable(),
  firmware: z.string().nullable(),
  network_kind: z.string().nullable(),
  rssi_dbm: z.number().nullable(),
  stream_state: z.enum(streamStates).nullable(),
  bitrate_bps: z.int().nullable(),
});
export type ShadowSummary = z.infer<typeof shadowSummarySchema>;

export const deviceDetailSchema = z.strictObject({
  ...deviceFields,
  capabilities: z
    .array(capabilitySchema)
    .describe("What the owner's plans allow now, for owner and viewers alike."),
  iccid: z.string().nullable().describe('SIM card number with its middle masked; null for viewers.'),
  entitlements: z.array(entitlementSchema).describe('Empty for viewers.'),
  shadow: shadowSummarySchema
    .nullable()
    .describe(
      "Null for viewers, before the board's first report, and while the shadow service cannot be reached.",
    ),
});
export type DeviceDetail = z.infer<typeof deviceDetailSchema>;

export const exampleDevice: DeviceView = {
  device_id: 'aovis-n4k-000123',
  serial: 'N4K-000123',
  model: 'n4k',
  name: 'Front door',
  online: true,
  last_seen_at: '2026-11-20T11:59:58.120Z',
  activated_at: '2026-11-02T08:15:30.000Z',
  role: 'owner',
  access_ends_at: null,
};
export const exampleTrial: EntitlementView = {
  capability: 'cloud_playback',
  source: 'trial',
  starts_at: '2026-11-02T08:15:30.000Z',
  ends_at: '2026-12-02T08:15:30.000Z',
  active: true,
};
const exampleParams = { id: exampleDevice.device_id };

export const listDevices = defineRoute({
  operationId: 'listDevices',
  method: 'get',
  path: '/api/devices',
  summary: 'The devices one owns or may view, by device id',
  tag: 'Devices',
  auth: 'user',
  query: z.strictObject({
    ...pageQuery,
  }),
  example: {
    query: { limit: 50 },
    answer: { devices: [exampleDevice], next_cursor: null },
  },
  responses: {
    200: z.strictObject({ devices: z.array(deviceSchema), next_cursor: nextCursorSchema }),
  },
  errors: [],
});

export const getDevice = defineRoute({
  operationId: 'getDevice',
  method: 'get',
  path: '/api/devices/{id}',
  summary: 'One device with its SIM, entitlements and last report',
  description:
    'A viewer gets the device and what can be used on it; SIM card, plans and report are for the owner alone.',
  tag: 'Devices',
  auth: { device: 'viewer' },
  params: deviceParams,
  example: {
    params: exampleParams,
    answer: {
      ...exampleDevice,
      capabilities: ['cloud_playback'],
      iccid: '8944***********4826',
      entitlements: [exampleTrial],
      shadow: {
        version: 42,
        reported_at: '2026-11-20T11:59:50.000Z',
        agent_version: '0.1.0',
        firmware: '1.4.2',
        network_kind: 'cellular',
        rssi_dbm: -87,
        stream_state: 'streaming',
        bitrate_bps: 1_980_000,
      },
    },
  },
  responses: { 200: deviceDetailSchema },
  errors: ['device_not_found'],
});

export const renameDevice = defineRoute({
  operationId: 'renameDevice',
  method: 'patch',
  path: '/api/devices/{id}',
  summary: 'Rename a device',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: deviceParams,
  body: z.strictObject({ name: deviceNameSchema }),
  example: { params: exampleParams, body: { name: 'Front door' }, answer: exampleDevice },
  responses: { 200: deviceSchema },
  errors: ['device_not_found'],
});

export const releaseDevice = defineRoute({
  operationId: 'releaseDevice',
  method: 'delete',
  path: '/api/devices/{id}',
  summary: 'Give a device up, so that somebody else can activate it',
  description:
    'Ends the ownership, all shares and an open offer of the device, and wipes its shadows, also of a device that is ' +
    'offline. A used trial stays used. Plans count on only for who has them and owns the device again; to hand them ' +
    'over with it, use `POST /api/devices/{id}/transfer`.',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: deviceParams,
  example: {
    params: exampleParams,
    answer: { device_id: 'aovis-n4k-000123', released_at: '2026-11-20T12:00:00.000Z' },
  },
  responses: { 200: z.strictObject({ device_id: deviceIdSchema, released_at: instantSchema }) },
  errors: ['device_not_found'],
});

export const entitlementStates = ['scheduled', 'active', 'expired', 'suspended', 'revoked'] as const;
export type EntitlementState = (typeof entitlementStates)[number];

export const deviceEntitlementSchema = z.strictObject({
  entitlement_id: z.uuid(),
  ...entitlementSchema.shape,
  state: z
    .enum(entitlementStates)
    .describe(
      '`scheduled`: begins later. `active`: counts now. `expired`: its end has come. `suspended`: its payment is ' +
        'disputed. `revoked`: its payment went back, or the plan was used up.',
    ),
});
export type DeviceEntitlementView = z.infer<typeof deviceEntitlementSchema>;

export const listDeviceEntitlements = defineRoute({
  operationId: 'listDeviceEntitlements',
  method: 'get',
  path: '/api/devices/{id}/entitlements',
  summary: 'What one may use on a device, and since and until when; newest first',
  description:
    'Those of the present owner, lapsed ones too. The trial is once per device, ever. A transfer hands all that a ' +
    'device has over to the new owner, a release does not.',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: deviceParams,
  query: z.strictObject({ ...pageQuery }),
  example: {
    params: exampleParams,
    query: { limit: 50 },
    answer: {
      entitlements: [
        { entitlement_id: '5f0c6f7e-3a55-4d8e-9b0a-0f2d8f7f4a11', ...exampleTrial, state: 'active' },
      ],
      next_cursor: null,
    },
  },
  responses: {
    200: z.strictObject({ entitlements: z.array(deviceEntitlementSchema), next_cursor: nextCursorSchema }),
  },
  errors: ['device_not_found'],
});
