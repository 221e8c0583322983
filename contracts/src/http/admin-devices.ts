import * as z from 'zod';
import {
  exampleUserId,
  idParams,
  instantSchema,
  lineSchema,
  onceErrors,
  onceHeader,
  reasonSchema,
} from './admin-common.ts';
import { capabilitySchema } from './devices.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute } from './route.ts';

export const deviceStatuses = ['planned', 'provisioned', 'revoked', 'retired'] as const;
export const simStatuses = ['provisioned', 'active', 'suspended', 'stopped'] as const;

const deviceFields = {
  device_id: z.string(),
  serial: z.string(),
  model: z.string(),
  status: z.enum(deviceStatuses),
  batch_id: z.string().nullable(),
  owner_id: z.uuid().nullable(),
  online: z.boolean(),
  last_seen_at: instantSchema.nullable(),
};
export const adminDeviceSchema = z.strictObject(deviceFields);
export type AdminDeviceView = z.infer<typeof adminDeviceSchema>;

export const adminDeviceDetailSchema = z.strictObject({
  ...deviceFields,
  claim_state: z
    .enum(['owned', 'claimable', 'closed'])
    .describe('`claimable`: whoever has its label may activate it. `closed`: nobody may, see `status`.'),
  activation_policy: z.enum(['label', 'label+device']),
  code_epoch: z.int(),
  ownership_epoch: z.int(),
  iccid: z.string().nullable().describe('With its middle masked.'),
  owner_email: z.string().nullable().describe('`a***@example.com`'),
  ownerships: z.array(
    z.strictObject({
      user_id: z.uuid(),
      epoch: z.int(),
      started_at: instantSchema,
      ended_at: instantSchema.nullable(),
      end_reason: z.string().nullable(),
    }),
  ),
  entitlements: z.array(
    z.strictObject({
      id: z.uuid(),
      user_id: z.uuid(),
      capability: z.string(),
      source: z.string(),
      status: z.string(),
      starts_at: instantSchema,
      ends_at: instantSchema.nullable(),
    }),
  ),
});
export type AdminDeviceDetail = z.infer<typeof adminDeviceDetailSchema>;

const exampleDevice: AdminDeviceView = {
  device_id: 'aovis-n4k-000123',
  serial: 'N4K-000123',
  model: 'n4k',
  status: 'provisioned',
  batch_id: '2026-11-a',
  owner_id: exampleUserId,
  online: true,
  last_seen_at: '2026-11-20T11:59:58.120Z',
};
const exampleEntitlementId = '3a7f1c2e-90b4-4a39-8d11-5c9e2f7b6a01';

export const listAllDevices = defineRoute({
  operationId: 'adminListDevices',
  method: 'get',
  path: '/api/admin/devices',
  summary: 'Find devices',
  description: 'By device id. `q` is the beginning of a device id or serial.',
  tag: 'Staff',
  auth: { role: 'support' },
  query: z.strictObject({
    ...pageQuery,
    q: lineSchema(64).optional(),
    batch_id: lineSchema(128).optional(),
    status: z.enum(deviceStatuses).optional(),
    owner_id: z.uuid().optional(),
  }),
  example: { query: { q: 'N4K-0001' }, answer: { devices: [exampleDevice], next_cursor: null } },
  responses: { 200: z.strictObject({ devices: z.array(adminDeviceSchema), next_cursor: nextCursorSchema }) },
  errors: [],
});

export const getAnyDevice = defineRoute({
  operationId: 'adminGetDevice',
  method: 'get',
  path: '/api/admin/devices/{id}',
  summary: 'See a device, its owners and rights',
  tag: 'Staff',
  auth: { role: 'support' },
  params: idParams,
  example: {
    params: { id: 'aovis-n4k-000123' },
    answer: {
      ...exampleDevice,
      claim_state: 'owned',
      activation_policy: 'label',
      code_epoch: 1,
      ownership_epoch: 1,
      iccid: '8944***********4826',
      owner_email: 'a***@example.com',
      ownerships: [],
      entitlements: [],
    },
  },
  responses: { 200: adminDeviceDetailSchema },
  errors: ['device_not_found'],
});

export const forceRelease = defineRoute({
  operationId: 'adminReleaseDevice',
  method: 'post',
  path: '/api/admin/devices/{id}/release',
  summary: 'Take a device from its owner',
  description:
    'As if the owner had released it: shares end, its shadow is wiped, its label activates it again.',
  tag: 'Staff',
  auth: { role: 'admin' },
  params: idParams,
  body: z.strictObject({ reason: reasonSchema }),
  example: {
    params: { id: 'aovis-n4k-000123' },
    body: { reason: 'owner lost the account' },
    answer: { device_id: 'aovis-n4k-000123', released: true },
  },
  responses: { 200: z.strictObject({ device_id: z.string(), released: z.literal(true) }) },
  errors: ['device_not_found'],
});

export const grantEntitlement = defineRoute({
  operationId: 'adminGrantEntitlement',
  method: 'post',
  path: '/api/admin/devices/{id}/entitlements',
  summary: 'Allow the owner something for a time',
  tag: 'Staff',
  auth: { role: 'admin' },
  params: idParams,
  headers: onceHeader,
  body: z.strictObject({ capability: capabilitySchema, days: z.int().min(1).max(730), reason: reasonSchema }),
  example: {
    params: { id: 'aovis-n4k-000123' },
    body: { capability: 'cloud_playback', days: 30, reason: 'goodwill after an outage' },
    answer: { entitlement_id: exampleEntitlementId, ends_at: '2026-12-20T12:00:00.000Z' },
  },
  responses: { 201: z.strictObject({ entitlement_id: z.uuid(), ends_at: instantSchema }) },
  errors: ['device_not_found', ...onceErrors],
});

export const changeEntitlement = defineRoute({
  operationId: 'adminChangeEntitlement',
  method: 'post',
  path: '/api/admin/entitlements/{id}/status',
  summary: 'Suspend, restore or revoke a right',
  description: 'What was revoked stays so; grant a new one instead.',
  tag: 'Staff',
  auth: { role: 'admin' },
  params: idParams,
  body: z.strictObject({ status: z.enum(['active', 'suspended', 'revoked']), reason: reasonSchema }),
  example: {
    params: { id: exampleEntitlementId },
    body: { status: 'suspended', reason: 'abuse is looked into' },
    answer: { entitlement_id: exampleEntitlementId, status: 'suspended' },
  },
  responses: {
    200: z.strictObject({ entitlement_id: z.uuid(), status: z.enum(['active', 'suspended', 'revoked']) }),
  },
  errors: ['entitlement_not_found'],
});

export const adminSimSchema = z.strictObject({
  iccid: z.string().describe('With its middle masked, as everywhere.'),
  status: z.enum(simStatuses),
  device_id: z.string().nullable(),
  linked_at: instantSchema.nullable(),
  usage_alert: z.string().nullable(),
  synced_at: instantSchema.nullable(),
});
export type AdminSimView = z.infer<typeof adminSimSchema>;

export const listSims = defineRoute({
  operationId: 'adminListSims',
  method: 'get',
  path: '/api/admin/sims',
  summary: 'Find SIM cards',
  description: '`ends_with` are the last digits of the card’s number. Answers never show a whole number.',
  tag: 'Staff',
  auth: { role: 'support' },
  query: z.strictObject({
    ...pageQuery,
    ends_with: z
      .string()
      .regex(/^\d{4,20}$/)
      .optional(),
    status: z.enum(simStatuses).optional(),
    device_id: lineSchema(128).optional(),
  }),
  example: {
    query: { ends_with: '4826' },
    answer: {
      sims: [
        {
          iccid: '8944***********4826',
          status: 'active',
          device_id: 'aovis-n4k-000123',
          linked_at: '2026-11-02T09:40:00.000Z',
          usage_alert: null,
          synced_at: null,
        },
      ],
      next_cursor: null,
    },
  },
  responses: { 200: z.strictObject({ sims: z.array(adminSimSchema), next_cursor: nextCursorSchema }) },
  errors: [],
});
