import * as z from 'zod';

/** A job document's most, as AWS IoT takes it (AWS IoT Device Management quotas, "Jobs"). */
export const jobDocumentMaxBytes = 32 * 1024;

/** What no artifact of an update exceeds. */
export const updateMaxBytes = 64 * 1024 * 1024;
/** What no upload of logs exceeds, before it is compressed. */
export const logUploadMaxBytes = 8 * 1024 * 1024;

/** Plain HTTP never leaves the machine. */
const transferUrlSchema = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .refine(
    (text) => text.startsWith('https:') || /^http:\/\/(localhost|127\.0\.0\.1)(:\d+)?\//.test(text),
    'use https',
  );

/** `1.20.3`: releases only, each part below 10,000. */
export const agentVersionSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})$/, 'expected a version such as 1.20.3');

/** The documents of AWS IoT Jobs that a board carries out; `operation` says which. Others are answered REJECTED. */
export const jobDocumentSchemas = {
  reboot: z.strictObject({ operation: z.literal('reboot') }),
  /** The board makes a new key; see `rotation` for what goes back and forth. */
  'rotate-certificate': z.strictObject({ operation: z.literal('rotate-certificate') }),
  /** `signature`: base64, Ed25519 over `updateStatement`. */
  'update-agent': z.strictObject({
    operation: z.literal('update-agent'),
    version: agentVersionSchema,
    url: transferUrlSchema,
    size: z.int().min(1).max(updateMaxBytes),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits in lower case'),
    signature: z.base64().length(88),
  }),
  /** The latest lines, gzip, by PUT to a presigned URL. */
  'upload-logs': z.strictObject({
    operation: z.literal('upload-logs'),
    url: transferUrlSchema,
    max_bytes: z
      .int()
      .min(1024)
      .max(logUploadMaxBytes)
      .default(1024 * 1024),
  }),
} as const;
export type JobOperation = keyof typeof jobDocumentSchemas;
export type JobDocument<Operation extends JobOperation = JobOperation> = z.output<
  (typeof jobDocumentSchemas)[Operation]
>;

export function isJobOperation(text: unknown): text is JobOperation {
  return typeof text === 'string' && Object.hasOwn(jobDocumentSchemas, text);
}

/**
 * What the vendor signs of an update: no other statement of ours begins so, and neither length nor digest can be taken
 * for another's.
 */
export function updateStatement(update: { version: string; size: number; sha256: string }): string {
  return `aovis-agent-update-v1\n${update.version}\n${update.size}\n${update.sha256}\n`;
}

/** Status details of a job execution: at most ten pairs (AWS IoT API reference, DetailsMap). */
export type StatusDetails = Readonly<Record<string, string>>;

/**
 * How a board comes to a new certificate within one job. All of it goes through the job execution's status details, so
 * that the version of the execution decides who was first:
 *
 * 1. board: `step` is `csr`, `csr` the base64 of a PKCS #10 request in DER, `certificate_id` that of its present certificate;
 * 2. operator: `step` is `certificate`, `certificate_0` and so on the base64 of the issued leaf in DER, 1,000 characters each;
 * 3. board: connects with it; then SUCCEEDED, or FAILED when it does not work.
 *
 * The operator deactivates the old certificate after SUCCEEDED, and the new one after any other end.
 */
export const rotationSteps = { request: 'csr', issued: 'certificate' } as const;

const partLength = 1_000;
const mostParts = 8;

export function rotationRequestDetails(request: {
  csrDer: Uint8Array;
  certificateId: string;
}): StatusDetails {
  return {
    step: rotationSteps.request,
    csr: Buffer.from(request.csrDer).toString('base64'),
    certificate_id: request.certificateId,
  };
}

/** The request in the details, or undefined when there is none. */
export function readRotationRequest(
  details: StatusDetails,
): { csrDer: Uint8Array; certificateId: string } | undefined {
  const { step, csr, certificate_id: certificateId } = details;
  if (step !== rotationSteps.request || csr === undefined || certificateId === undefined) return undefined;
  return { csrDer: Buffer.from(csr, 'base64'), certificateId };
}

/** @throws RangeError when the certificate does not fit. */
export function issuedCertificateDetails(certificateDer: Uint8Array): StatusDetails {
  const text = Buffer.from(certificateDer).toString('base64');
  const parts = Math.ceil(text.length / partLength);
  if (parts > mostParts) throw new RangeError(`A certificate of ${certificateDer.length} bytes does not fit`);
  const details: Record<string, string> = { step: rotationSteps.issued };
  for (let part = 0; part < parts; part++)
    details[`certificate_${part}`] = text.slice(part * partLength, (part + 1) * partLength);
  return details;
}

/** The issued certificate's DER, or undefined when there is none yet. */
export function readIssuedCertificate(details: StatusDetails): Uint8Array | undefined {
  if (details['step'] !== rotationSteps.issued) return undefined;
  let text = '';
  for (let part = 0; part < mostParts; part++) text += details[`certificate_${part}`] ?? '';
  return text === '' ? undefined : Buffer.from(text, 'base64');
}
