import * as z from 'zod';
import { deviceIdSchema, modelCodeSchema, serialSchema, ulidSchema } from '../ids.ts';
import { desiredConfigSchema, streamStates } from '../shadow.ts';
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

export const ownershipSchema = z.strictObject({
  since: instantSchema,
  epoch: z.int().nonnegative().describe('Counts the changes of owner of this device.'),
});

export const activationSchema = z.strictObject({
  device: deviceSchema,
  ownership: ownershipSchema,
  entitlement: entitlementSchema
    .nullable()
    .describe("The device's trial when it is this user's; null when an earlier owner had it."),
  already_owned: z.boolean(),
});
export type Activation = z.infer<typeof activationSchema>;

export const claimStatuses = ['pending', 'activated', 'refused', 'expired'] as const;
export const claimFailureCodes = [
  'device_proof_timeout',
  'invalid_proof',
  'certificate_not_active',
  'ownership_changed',
] as const;

/** An activation that waits for the board's own confirmation. */
export const activationClaimSchema = z.strictObject({
  claim_id: ulidSchema,
  device_id: deviceIdSchema,
  status: z
    .enum(claimStatuses)
    .describe(
      '`pending`: the device has been asked to confirm. `activated`: it has, and is one’s own. `refused`: what it ' +
        'answered does not do, or it changed hands meanwhile. `expired`: it did not answer in time. All but the first ' +
        'are ends.',
    ),
  created_at: instantSchema.describe('When the device was asked.'),
  expires_at: instantSchema.describe('From then on its confirmation counts no more.'),
  failure: z
    .strictObject({
      code: z
        .enum(claimFailureCodes)
        .describe(
          '`device_proof_timeout`: no answer came. `invalid_proof`: the answer was not this device’s signature. ' +
            '`certificate_not_active`: its identity was withdrawn. `ownership_changed`: somebody else has activated it.',
        ),
      message: z.string().describe('The same in a sentence that says what to do.'),
    })
    .nullable()
    .describe('Why it was `refused` or `expired`; else null.'),
  activation: activationSchema
    .nullable()
    .describe('What it brought, once `activated` and as long as the device is one’s own; else null.'),
});
export type ActivationClaim = z.infer<typeof activationClaimSchema>;

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
const exampleTrial: EntitlementView = {
  capability: 'cloud_playback',
  source: 'trial',
  starts_at: '2026-11-02T08:15:30.000Z',
  ends_at: '2026-12-02T08:15:30.000Z',
  active: true,
};
const exampleParams = { id: exampleDevice.device_id };

export const activateDevice = defineRoute({
  operationId: 'activateDevice',
  method: 'post',
  path: '/api/devices/activate',
  summary: 'Make a device one’s own with the code on its label',
  description:
    'Checked in this order: code present, code right (an unknown device answers like a wrong code), released by ' +
    'the factory, SIM card, owner, the board’s own confirmation where its model wants it. Repeating it as the ' +
    'owner is harmless. The first activation ever of a device starts a 30-day trial of `cloud_playback`. 202 is a ' +
    'model whose boards confirm: the device has been asked, and `getDeviceClaim` tells when it has answered, usually ' +
    'within a second. It must be online and in claim mode: for 15 minutes after its first start, after a factory ' +
    'reset and after a press of its button, and only while nobody owns it.',
  tag: 'Devices',
  auth: 'user',
  body: z.strictObject({
    aovis_device_id: z.string().min(1).max(128).describe('As on the label.'),
    activation_code: z
      .string()
      .max(64)
      .nullish()
      .describe(
        'As printed or typed: case, spaces and hyphens do not matter. Its absence has a code of its own, ' +
          '`activation_code_required`.',
      ),
    iccid: z
      .string()
      .max(32)
      .nullish()
      .describe('Of the SIM card, when the app could read it; then it must be right.'),
  }),
  example: {
    body: {
      aovis_device_id: 'aovis-n4k-000123',
      activation_code: '7Q2MXD-4KTR9V-0HB3NC',
      iccid: '8944500102198304826',
    },
    answer: {
      device: exampleDevice,
      ownership: { since: '2026-11-02T08:15:30.000Z', epoch: 1 },
      entitlement: exampleTrial,
      already_owned: false,
    },
  },
  responses: { 200: activationSchema, 202: activationClaimSchema },
  errors: [
    'activation_code_required',
    'invalid_activation_code',
    'device_not_provisioned',
    'iccid_mismatch',
    'device_owned_by_another_user',
    'device_offline',
    'device_proof_required',
    'claim_pending',
  ],
});

export const getDeviceClaim = defineRoute({
  operationId: 'getDeviceClaim',
  method: 'get',
  path: '/api/devices/claims/{claim_id}',
  summary: 'What became of an activation that waits for the device',
  description:
    'Ask once a second while it is `pending`. Nobody but who began it can see it. A claim that came to nothing is ' +
    'not taken up again: activate once more.',
  tag: 'Devices',
  auth: 'user',
  params: z.strictObject({ claim_id: z.string().max(128) }),
  example: {
    params: { claim_id: '01KAGX2Q0R8M3T5V7W9X1Y2Z3D' },
    answer: {
      claim_id: '01KAGX2Q0R8M3T5V7W9X1Y2Z3D',
      device_id: exampleDevice.device_id,
      status: 'pending',
      created_at: '2026-11-20T12:00:00.000Z',
      expires_at: '2026-11-20T12:02:00.000Z',
      failure: null,
      activation: null,
    },
  },
  responses: { 200: activationClaimSchema },
  errors: ['claim_not_found'],
});

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

export const shadowNames = ['config', 'state'] as const;
const shadowDocumentSchema = z.record(z.string(), z.json());

export const shadowSchema = z.strictObject({
  reported: shadowDocumentSchema,
  desired: shadowDocumentSchema,
  delta: shadowDocumentSchema.describe('The part of `desired` that the board has not reported yet.'),
  version: z
    .int()
    .nonnegative()
    .describe('Send it back as `If-Match` with a change; 0 while there is no shadow.'),
});
export type ShadowView = z.infer<typeof shadowSchema>;

const shadowVersionHeader = {
  ETag: { description: 'The version, to be sent back as `If-Match`.', example: '"7"' },
};
const exampleShadow: ShadowView = {
  reported: { stream: { enabled: true } },
  desired: { stream: { enabled: false } },
  delta: { stream: { enabled: false } },
  version: 7,
};

export const getDeviceShadow = defineRoute({
  operationId: 'getDeviceShadow',
  method: 'get',
  path: '/api/devices/{id}/shadow',
  summary: 'Desired and running configuration, or reported state',
  description: '`name=config` (the default) is the configuration; `name=state` is what the board reports.',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: deviceParams,
  query: z.strictObject({ name: z.enum(shadowNames).default('config') }),
  answerHeaders: shadowVersionHeader,
  example: { params: exampleParams, query: { name: 'config' }, answer: exampleShadow },
  responses: { 200: shadowSchema },
  errors: ['device_not_found'],
});

export const updateDeviceShadow = defineRoute({
  operationId: 'updateDeviceShadow',
  method: 'patch',
  path: '/api/devices/{id}/shadow',
  summary: 'Change the desired configuration',
  description:
    'Keys that are absent stay as they are. `If-Match` must hold the version that was read; when the shadow has ' +
    'changed meanwhile nothing happens and the answer is 409.',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: deviceParams,
  headers: {
    'If-Match': {
      description: 'The version of the shadow that the change is based on; 0 while there is none.',
      example: '6',
      required: true,
    },
  },
  answerHeaders: shadowVersionHeader,
  body: z.strictObject({ desired: desiredConfigSchema }),
  example: {
    params: exampleParams,
    body: { desired: { stream: { enabled: false } } },
    answer: exampleShadow,
  },
  responses: { 200: shadowSchema },
  errors: ['device_not_found', 'shadow_version_conflict'],
});
