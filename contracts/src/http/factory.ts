import * as z from 'zod';
import { deviceIdSchema, ulidSchema } from '../ids.ts';
import { defineRoute } from './route.ts';

/**
 * Why one board of a manifest cannot be taken.
 * - `code_epoch_older`: a newer activation code is stored already.
 * - `code_differs`: the same code epoch with another digest; re-issue the code, which raises the epoch.
 * - `certificate_differs`: the same code epoch with another certificate.
 * - `iccid_differs`: the board already has another SIM card.
 * - `device_revoked`: the board was revoked or retired; only an operator brings it back.
 * - `certificate_in_use`, `iccid_in_use`: the certificate or SIM card belongs to another board.
 */
export const manifestConflictReasons = [
  'code_epoch_older',
  'code_differs',
  'certificate_differs',
  'iccid_differs',
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
