import { serialSchema } from '@aovis/contracts/ids';
import { manifestSchema } from '@aovis/contracts/provisioning';
import { z } from 'zod';

const batchIdSchema = manifestSchema.shape.batch_id;

/**
 * A label as the ledger names it: the board, and the first 16 hex digits of its code's digest. A code that was issued
 * anew has another digest, so its label counts as a first print.
 */
export const printedLabelSchema = z.strictObject({
  serial: serialSchema,
  code: z.string().regex(/^[0-9a-f]{16}$/),
});
export type PrintedLabel = z.infer<typeof printedLabelSchema>;

/** Every kind of line of the audit log, without its chain fields and without who and where. Nothing in it is secret. */
export const auditRecordSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('command_begun'),
    command: z.string(),
    /** Arguments and flags as given. */
    words: z.array(z.string()),
    tool_version: z.string(),
  }),
  z.strictObject({
    type: z.literal('command_ended'),
    command: z.string(),
    /** `seq` of its `command_begun`; a begun command without an end was killed, or runs still. */
    begun: z.int().positive(),
    exit_code: z.int().min(0).max(255),
    /** Why it ended so, unless all went well. */
    message: z.string().optional(),
    /**
     * Last line of the journal then (its `seq`, SHA-256 of its text), which ties the two files together; absent while
     * another run was writing.
     */
    journal: z.strictObject({ seq: z.int().positive(), sha256: z.string() }).optional(),
  }),
  /** A print, or a part of one of many labels; `labels` of one line are either all first prints or all reprints. */
  z.strictObject({
    type: z.literal('labels_printed'),
    begun: z.int().positive(),
    batch_id: batchIdSchema,
    format: z.string(),
    /** Name of the file; absent when the sheets went to standard output. */
    file: z.string().optional(),
    /** SHA-256 of that file. */
    sha256: z.string().optional(),
    /** Present on reprints, and only there. */
    reason: z.string().optional(),
    labels: z.array(printedLabelSchema).min(1),
  }),
  /** Labels of a batch that were scanned back and found right, so that the rest can be scanned later. */
  z.strictObject({
    type: z.literal('labels_scanned_so_far'),
    batch_id: batchIdSchema,
    labels: z.array(printedLabelSchema).min(1),
  }),
  /** None of the scans before counts any more. */
  z.strictObject({ type: z.literal('label_scans_restarted'), batch_id: batchIdSchema }),
  /** How a scan-back of a whole batch ended. */
  z.strictObject({
    type: z.literal('labels_scanned'),
    batch_id: batchIdSchema,
    labels: z.int().nonnegative(),
    complete: z.boolean(),
  }),
]);
export type AuditRecord = z.infer<typeof auditRecordSchema>;

/** What every line carries around its record. */
export const auditLineSchema = z.looseObject({
  seq: z.int().positive(),
  at: z.iso.datetime(),
  prev: z.string().regex(/^[0-9a-f]{64}$/),
  /** Account of the operating system, and the computer. */
  operator: z.string(),
  host: z.string(),
  type: z.string(),
});

export interface AuditEntry {
  seq: number;
  at: string;
  operator: string;
  host: string;
  record: AuditRecord;
  /** SHA-256 of the line, which the next one carries as `prev`. */
  sha256: string;
}
