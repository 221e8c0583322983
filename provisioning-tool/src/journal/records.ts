import {
  certificateIdSchema,
  iccidSchema,
  modelCodeSchema,
  serialSchema,
  ulidSchema,
} from '@aovis/contracts/ids';
import { manifestSchema } from '@aovis/contracts/provisioning';
import { z } from 'zod';

/** What happens to a board after it was issued, in the order of the journal's golden path. */
export const boardSteps = ['thing', 'certificate', 'principal', 'policy', 'bundle', 'active'] as const;
export type BoardStep = (typeof boardSteps)[number];

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const batchIdSchema = manifestSchema.shape.batch_id;
const stationIdSchema = manifestSchema.shape.station_id;

/**
 * The intent for a board: everything its later effects are derived from. Written once its key, certificate and
 * label record lie on the disk, and before anything leaves the station. Nothing in it is secret.
 */
export const boardIssuedSchema = z.strictObject({
  type: z.literal('board_issued'),
  batch_id: batchIdSchema,
  serial: serialSchema,
  model: modelCodeSchema,
  iccid: iccidSchema.optional(),
  certificate_id: certificateIdSchema,
  public_key_sha256: sha256Schema,
  /** Absent where `code` is there. */
  activation_code_digest: sha256Schema.optional(),
  /** It keeps the label that it has: its code is on record at the backend and unknown here. */
  code: z.literal('printed').optional(),
  code_epoch: z.int().positive(),
  /** The certificate it was made with, once it has another one. */
  first_certificate_id: certificateIdSchema.optional(),
  /** Its private key never left the board: a certificate request was signed. */
  key: z.literal('board').optional(),
  /** The station that made it, where that is not the batch's own. */
  station_id: stationIdSchema.optional(),
});
export type BoardIssued = z.infer<typeof boardIssuedSchema>;

/**
 * What may happen to a finished board.
 * - `reissue_code`: a new label; the code before it is worth nothing any more.
 * - `rotate`: a new key and certificate.
 * - `rma`: both, for a board that came back and goes out again.
 * - `transfer`: it counts to another batch.
 * - `revoke`: its certificate opens nothing any more; nobody can activate it.
 * - `destroy`: everything of it is gone.
 */
export const deviceChangeKinds = ['reissue_code', 'rotate', 'rma', 'transfer', 'revoke', 'destroy'] as const;
export type DeviceChangeKind = (typeof deviceChangeKinds)[number];

/**
 * The intent for a change: what the board will be, `board`, and who wants it. A new key, certificate or code lies on
 * the disk when it is written. Nothing in it is secret.
 */
export const deviceChangePlannedSchema = z.strictObject({
  type: z.literal('device_change_planned'),
  change_id: ulidSchema,
  kind: z.enum(deviceChangeKinds),
  operator: z.string(),
  reason: z.string(),
  board: boardIssuedSchema.omit({ type: true }),
  /** Of a destroyed board: the one that its owner gets instead. */
  replaced_by: serialSchema.optional(),
});
export type DeviceChangePlanned = z.infer<typeof deviceChangePlannedSchema>;

/** A finished board of another station, taken over: its bundle and its label lie here when this is written. */
export const boardMergedSchema = z.strictObject({
  type: z.literal('board_merged'),
  board: boardIssuedSchema.omit({ type: true }),
  /** The manifest that handed it over; the backend has accepted it. */
  manifest_id: ulidSchema,
  operator: z.string(),
});

/** Every kind of journal line, without the chain fields (`seq`, `at`, `prev`). */
export const recordSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('ca_initialised'),
    issuing_certificate_sha256: sha256Schema,
    root_certificate_sha256: sha256Schema,
    operator: z.string(),
  }),
  z.strictObject({
    type: z.literal('ca_registered'),
    issuing_certificate_sha256: sha256Schema,
    ca_certificate_id: z.string(),
    mode: z.enum(['SNI_ONLY', 'DEFAULT']),
    region: z.string(),
    operator: z.string(),
  }),
  z.strictObject({
    type: z.literal('ca_rolled_over'),
    issuing_certificate_sha256: sha256Schema,
    former_issuing_certificate_sha256: sha256Schema,
    operator: z.string(),
  }),
  z.strictObject({
    type: z.literal('ca_passphrase_changed'),
    keys: z.int().nonnegative(),
    operator: z.string(),
  }),
  z.strictObject({
    type: z.literal('station_initialised'),
    station_id: stationIdSchema,
    public_key_sha256: sha256Schema,
    operator: z.string(),
  }),
  z.strictObject({
    type: z.literal('batch_started'),
    batch_id: batchIdSchema,
    boards: z.int().positive(),
    csv_sha256: sha256Schema,
    region: z.string(),
    issuing_certificate_sha256: sha256Schema,
    station_id: stationIdSchema,
    operator: z.string(),
    tool_version: z.string(),
    /** Boards keep their own keys: certificate requests are signed. */
    keys: z.literal('board').optional(),
    /** Boards keep the labels that they have: no codes are made. */
    codes: z.literal('printed').optional(),
  }),
  boardIssuedSchema,
  z.strictObject({ type: z.literal('board_step'), serial: serialSchema, step: z.enum(boardSteps) }),
  z.strictObject({
    type: z.literal('board_failed'),
    serial: serialSchema,
    step: z.string(),
    message: z.string(),
  }),
  z.strictObject({
    type: z.literal('manifest_planned'),
    batch_id: batchIdSchema,
    manifest_id: ulidSchema,
    created_at: z.iso.datetime(),
    serials: z.array(serialSchema).min(1),
  }),
  boardMergedSchema,
  deviceChangePlannedSchema,
  z.strictObject({
    type: z.literal('device_change_step'),
    change_id: ulidSchema,
    serial: serialSchema,
    step: z.string(),
  }),
  z.strictObject({ type: z.literal('device_change_done'), change_id: ulidSchema, serial: serialSchema }),
  /** Something was found to differ and is being mended; the second record of the same repair says that it was. */
  z.strictObject({
    type: z.literal('repair'),
    batch_id: batchIdSchema,
    subject: z.string(),
    repair: z.string(),
    state: z.enum(['begun', 'done']),
    operator: z.string(),
  }),
  z.strictObject({ type: z.literal('manifest_accepted'), manifest_id: ulidSchema, backend: z.string() }),
]);
export type JournalRecord = z.infer<typeof recordSchema>;

/** The chain fields that every line carries around its record. */
export const lineSchema = z.looseObject({
  seq: z.int().positive(),
  at: z.iso.datetime(),
  prev: sha256Schema,
  type: z.string(),
});
