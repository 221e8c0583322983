import * as z from 'zod';
import { certificateIdSchema, iccidSchema, serialSchema } from './ids.ts';
import { batchIdSchema, stationIdSchema } from './provisioning.ts';

/** `typ` of a station's request: a compact JWS (RFC 7515) like a manifest, but good for minutes only. */
export const stationRequestJwsType = 'aovis-station-request+jwt';

/** How far the clocks of station and backend may be apart, and how long a request that was overheard is worth anything. */
export const stationRequestLifeSeconds = 600;

/** So many boards are looked up with one request. */
export const boardsPerLookup = 500;

const common = {
  schema_version: z.literal(1),
  station_id: stationIdSchema,
  issued_at: z.iso.datetime(),
};

/** Characters of a reason, here and at the station. */
export const shortestReason = 3;
export const longestReason = 200;

/** Who acts at the station and why: for the audit log, no secrets. */
const accountable = {
  serial: serialSchema,
  operator: z.string().min(1).max(64),
  reason: z.string().min(shortestReason).max(longestReason),
};

/** Asks what the backend has of boards: of those named, or of a batch, 500 at a time in the order of their serials. */
export const boardLookupRequestSchema = z.discriminatedUnion('action', [
  z.strictObject({
    ...common,
    action: z.literal('look_up_boards'),
    boards: z
      .array(
        z.strictObject({
          serial: serialSchema,
          /** What the station believes; the answer says whether that is so. */
          activation_code_digest: z
            .string()
            .regex(/^[0-9a-f]{64}$/)
            .optional(),
          iccid: iccidSchema.optional(),
        }),
      )
      .min(1)
      .max(boardsPerLookup),
  }),
  z.strictObject({
    ...common,
    action: z.literal('list_batch'),
    batch_id: batchIdSchema,
    /** The last serial of the page before. */
    after: serialSchema.optional(),
  }),
]);
export type BoardLookupRequest = z.infer<typeof boardLookupRequestSchema>;

/**
 * Changes one board. Each may be repeated: a board that is as wanted already is left alone.
 * - `revoke_board`: it is never activated again; only an operator of the backend brings it back.
 * - `retire_board`: it is gone for good; its activation code is forgotten. Refused while somebody owns it.
 * - `replace_certificate`: it got a new key.
 * - `move_board`: it counts to another batch.
 */
export const boardChangeRequestSchema = z.discriminatedUnion('action', [
  z.strictObject({ ...common, ...accountable, action: z.literal('revoke_board') }),
  z.strictObject({
    ...common,
    ...accountable,
    action: z.literal('retire_board'),
    /** The board that its owner gets instead. */
    replaced_by: serialSchema.optional(),
  }),
  z.strictObject({
    ...common,
    ...accountable,
    action: z.literal('replace_certificate'),
    certificate_id: certificateIdSchema,
    new_certificate_id: certificateIdSchema,
  }),
  z.strictObject({ ...common, ...accountable, action: z.literal('move_board'), batch_id: batchIdSchema }),
]);
export type BoardChangeRequest = z.infer<typeof boardChangeRequestSchema>;

/**
 * Says which list of boards a station is at work on, or that it is no more. While a lease lasts no other station gets one
 * for the same list; the holder renews it by asking again. Two lists of one batch may be worked on side by side.
 */
export const batchLeaseRequestSchema = z.discriminatedUnion('action', [
  z.strictObject({
    ...common,
    action: z.literal('lease_batch'),
    batch_id: batchIdSchema,
    /** Lower-case hex SHA-256 of the list. */
    list_sha256: z.string().regex(/^[0-9a-f]{64}$/),
    seconds: z.int().min(10).max(3_600),
  }),
  z.strictObject({
    ...common,
    action: z.literal('release_batch'),
    batch_id: batchIdSchema,
    list_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
]);
export type BatchLeaseRequest = z.infer<typeof batchLeaseRequestSchema>;
