import * as z from 'zod';
import { certificateIdSchema, deviceIdSchema, serialSchema, ulidSchema } from '../ids.ts';
import { batchIdSchema, stationIdSchema } from '../provisioning.ts';
import { defineRoute } from './route.ts';

/**
 * Why one board of a manifest cannot be taken.
 * - `code_epoch_older`: a newer activation code is stored already.
 * - `code_differs`: the same code epoch with another digest; re-issue the code, which raises the epoch.
 * - `certificate_differs`: the same code epoch with another certificate, which the board was not handed over with either.
 * - `iccid_differs`: the board already has another SIM card.
 * - `code_missing`: the board keeps the code of its old label, and none is on record; import that first.
 * - `device_revoked`: the board was revoked or retired; only an operator brings it back.
 * - `certificate_in_use`, `iccid_in_use`: the certificate or SIM card belongs to another board.
 */
export const manifestConflictReasons = [
  'code_epoch_older',
  'code_differs',
  'certificate_differs',
  'iccid_differs',
  'code_missing',
  'device_revoked',
  'certificate_in_use',
  'iccid_in_use',
] as const;

/** The answer for one board, in the manifest's order. `reason` is there when and only when `result` is `conflict`. */
export const manifestDeviceResultSchema = z.strictObject({
  device_id: deviceIdSchema,
  result: z.enum(['accepted', 'unchanged', 'conflict']),
  reason: z.enum(manifestConflictReasons).optional(),
});
export type ManifestDeviceResult = z.infer<typeof manifestDeviceResultSchema>;

/** `conflict` appears here in a dry run only; a real import with a conflict stores nothing and answers 409. */
export const manifestResultSchema = z.strictObject({
  manifest_id: ulidSchema,
  dry_run: z.boolean(),
  accepted: z.int().nonnegative(),
  unchanged: z.int().nonnegative(),
  conflicts: z.int().nonnegative(),
  devices: z.array(manifestDeviceResultSchema),
});
export type ManifestResult = z.infer<typeof manifestResultSchema>;

/** Details of a `manifest_conflict`: each board of the manifest, or the words `manifest_id` when that was reused. */
export const manifestConflictDetailsSchema = z.union([
  z.strictObject({ devices: z.array(manifestDeviceResultSchema) }),
  z.strictObject({ manifest_id: z.literal('used_with_another_payload') }),
]);
export type ManifestConflictDetails = z.infer<typeof manifestConflictDetailsSchema>;

export const importManifest = defineRoute({
  operationId: 'importManifest',
  method: 'post',
  path: '/api/factory/manifests',
  summary: 'Hand over the boards a factory station has provisioned',
  description:
    'The manifest is a compact JWS (alg EdDSA, typ aovis-manifest+jwt, kid the station id). All or nothing: ' +
    'one board in conflict and none is stored. The same manifest again answers as the first time; its id with ' +
    'another payload is refused. A dry run checks everything and stores nothing.',
  tag: 'Factory',
  auth: 'signature',
  body: z.strictObject({
    manifest: z.string().min(1).max(250_000),
    dry_run: z.boolean().optional(),
  }),
  example: {
    body: {
      manifest: 'eyJhbGciOiJFZERTQSIsImtpZCI6ImxpbmUtMSJ9.eyJzY2hlbWFfdmVyc2lvbiI6MX0.c2lnbmF0dXJl',
      dry_run: true,
    },
    answer: {
      manifest_id: '01KAF3M9Y2V6S8QK4B7ZD5XWTH',
      dry_run: true,
      accepted: 1,
      unchanged: 1,
      conflicts: 1,
      devices: [
        { device_id: 'aovis-n4k-000123', result: 'accepted' },
        { device_id: 'aovis-n4k-000124', result: 'unchanged' },
        { device_id: 'aovis-n4k-000125', result: 'conflict', reason: 'iccid_in_use' },
      ],
    },
  },
  responses: { 200: manifestResultSchema },
  errors: ['unknown_station', 'invalid_signature', 'invalid_manifest', 'manifest_conflict'],
});

/** What the backend has of a board. Activation codes and SIM cards are compared, never told. */
export const boardStandingSchema = z.strictObject({
  serial: serialSchema,
  device_id: deviceIdSchema,
  status: z
    .enum(['unknown', 'planned', 'provisioned', 'revoked', 'retired'])
    .describe(
      '`unknown`: the backend has no such board. `planned`: it waits for a manifest. `provisioned`: it can be activated. ' +
        '`revoked`, `retired`: it is out of use for good.',
    ),
  certificate_id: certificateIdSchema.optional(),
  handed_over_certificate_id: certificateIdSchema
    .optional()
    .describe(
      'There when the board has got `certificate_id` by a job in the place of this one, with which it was handed over.',
    ),
  code_epoch: z.int().positive().optional(),
  batch_id: batchIdSchema.optional(),
  manifest_id: ulidSchema.optional(),
  owned: z.boolean(),
  /** There when the request named a digest; false, too, when no code is stored. */
  same_code: z.boolean().optional(),
  /** There when the request named a SIM card. */
  same_sim: z.boolean().optional(),
});
export type BoardStanding = z.infer<typeof boardStandingSchema>;

const signedRequest = z.strictObject({ request: z.string().min(1).max(250_000) });
const requestExample = {
  request: 'eyJhbGciOiJFZERTQSIsImtpZCI6ImxpbmUtMSJ9.eyJzY2hlbWFfdmVyc2lvbiI6MX0.c2lnbmF0dXJl',
};

export const lookUpBoards = defineRoute({
  operationId: 'lookUpBoards',
  method: 'post',
  path: '/api/factory/boards/lookup',
  summary: 'What the backend has of boards, for the station that compares',
  description:
    "The request is a compact JWS (alg EdDSA, typ aovis-station-request+jwt, kid the station id) of at most ten minutes' age. " +
    'It names boards, or a batch of which the answer has up to 500 boards in the order of their serials.',
  tag: 'Factory',
  auth: 'signature',
  body: signedRequest,
  example: {
    body: requestExample,
    answer: {
      boards: [
        {
          serial: 'N4K-000123',
          device_id: 'aovis-n4k-000123',
          status: 'provisioned',
          certificate_id: 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
          code_epoch: 1,
          batch_id: 'B2026-001',
          manifest_id: '01KAF3M9Y2V6S8QK4B7ZD5XWTH',
          owned: false,
          same_code: true,
        },
        { serial: 'N4K-000124', device_id: 'aovis-n4k-000124', status: 'unknown', owned: false },
      ],
      more: false,
    },
  },
  responses: { 200: z.strictObject({ boards: z.array(boardStandingSchema), more: z.boolean() }) },
  errors: ['unknown_station', 'invalid_signature', 'invalid_station_request'],
});

/**
 * Why a board is not changed.
 * - `unknown`: the backend has no such board.
 * - `retired`, `revoked`: it is, and nothing else can become of it.
 * - `owned`: somebody owns it; have it released first.
 * - `certificate_differs`: its certificate is neither the old nor the new one of the request.
 * - `certificate_in_use`: the new certificate belongs to another board.
 */
export const boardConflictReasons = [
  'unknown',
  'retired',
  'revoked',
  'owned',
  'certificate_differs',
  'certificate_in_use',
] as const;
export type BoardConflictReason = (typeof boardConflictReasons)[number];

/** Details of a `board_conflict`. */
export const boardConflictDetailsSchema = z.strictObject({ reason: z.enum(boardConflictReasons) });

export const changeBoard = defineRoute({
  operationId: 'changeBoard',
  method: 'post',
  path: '/api/factory/boards/change',
  summary: 'Revoke, retire or move a board, or put its new certificate on record',
  description:
    "The request is a compact JWS (alg EdDSA, typ aovis-station-request+jwt, kid the station id) of at most ten minutes' age. " +
    'It may be repeated: a board that is as wanted already is left alone. Each change is in the audit log.',
  tag: 'Factory',
  auth: 'signature',
  body: signedRequest,
  example: {
    body: requestExample,
    answer: { device_id: 'aovis-n4k-000123', result: 'changed' },
  },
  responses: {
    200: z.strictObject({ device_id: deviceIdSchema, result: z.enum(['changed', 'unchanged']) }),
  },
  errors: ['unknown_station', 'invalid_signature', 'invalid_station_request', 'board_conflict'],
});

/** Details of a `batch_leased`: who has it, and until when. */
export const batchLeasedDetailsSchema = z.strictObject({
  station_id: stationIdSchema,
  expires_at: z.iso.datetime(),
});

export const leaseBatch = defineRoute({
  operationId: 'leaseBatch',
  method: 'post',
  path: '/api/factory/batches/lease',
  summary: 'Say that a station is at work on a list of boards, or is no more',
  description:
    "The request is a compact JWS (alg EdDSA, typ aovis-station-request+jwt, kid the station id) of at most ten minutes' age. " +
    'While another station has the list the answer is batch_leased; a lease that ran out is free.',
  tag: 'Factory',
  auth: 'signature',
  body: signedRequest,
  example: {
    body: requestExample,
    answer: { batch_id: 'B2026-001', expires_at: '2026-03-01T08:10:00.000Z' },
  },
  responses: {
    /** Without `expires_at` the list is free. */
    200: z.strictObject({ batch_id: batchIdSchema, expires_at: z.iso.datetime().optional() }),
  },
  errors: ['unknown_station', 'invalid_signature', 'invalid_station_request', 'batch_leased'],
});
