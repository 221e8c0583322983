import * as z from 'zod';
import {
  certificateIdSchema,
  deviceIdSchema,
  iccidSchema,
  modelCodeSchema,
  serialSchema,
  ulidSchema,
} from './ids.ts';

/** `host` or `host:port`. */
export const hostPortSchema = z.string().regex(/^[a-zA-Z0-9.-]+(:\d{1,5})?$/, 'expected host or host:port');

/**
 * `device.json` of a board's bundle. Beside it lie `device.key` (PKCS#8 PEM), `device.crt` (leaf first, then its
 * issuers) and `root-ca.pem` (what the board trusts as the cloud). The directory is 0700, each file 0600.
 * `endpoints.kinesis_video` overrides the region's public Kinesis Video endpoint.
 */
export const bundleDescriptorSchema = z.strictObject({
  schema_version: z.literal(1),
  device_id: deviceIdSchema,
  serial: serialSchema,
  model: modelCodeSchema,
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'expected an AWS region, e.g. eu-central-1'),
  role_alias: z
    .string()
    .regex(/^[\w=@-]{1,128}$/, 'expected a role alias: up to 128 letters, digits, _ = @ -'),
  stream: z.string().regex(/^[a-zA-Z0-9_.-]{1,256}$/),
  channel: z.string().regex(/^[a-zA-Z0-9_.-]{1,256}$/),
  endpoints: z.strictObject({
    iot: hostPortSchema,
    credentials: hostPortSchema,
    kinesis_video: z.url().optional(),
  }),
});
export type BundleDescriptor = z.infer<typeof bundleDescriptorSchema>;

export const bundleFiles = {
  descriptor: 'device.json',
  privateKey: 'device.key',
  certificate: 'device.crt',
  rootCa: 'root-ca.pem',
} as const;

/**
 * One board of a hash manifest. Nothing here is secret: the digest alone neither activates nor reveals a code. A board
 * whose label was printed before stations had digests has `activation_code` instead: the code that the backend took over
 * from the old system stays.
 */
export const manifestDeviceSchema = z
  .strictObject({
    device_id: deviceIdSchema,
    serial: serialSchema,
    model: modelCodeSchema,
    certificate_id: certificateIdSchema,
    activation_code_digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    activation_code: z.literal('printed').optional(),
    code_epoch: z.int().positive(),
    iccid: iccidSchema.optional(),
  })
  .refine(
    ({ activation_code_digest, activation_code }) =>
      (activation_code_digest === undefined) !== (activation_code === undefined),
    'either activation_code_digest or activation_code is needed',
  );
export type ManifestDevice = z.infer<typeof manifestDeviceSchema>;

export const stationIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{1,62}$/, 'a station id is 2 to 63 of a-z, 0-9 and hyphens, e.g. line-1');

export const batchIdSchema = z
  .string()
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/,
    'a batch name is up to 64 letters, digits, dots, hyphens and underscores',
  );

/**
 * What a station hands to the backend: the payload of a compact JWS (RFC 7515) signed with the station's key,
 * `alg` EdDSA, `typ` `aovis-manifest+jwt`, `kid` the station id. The same text is pushed over HTTP or carried as a
 * file. Idempotent by `manifest_id`: the same id with the same payload is accepted again, with another it is refused.
 */
export const manifestSchema = z.strictObject({
  schema_version: z.literal(1),
  manifest_id: ulidSchema,
  station_id: stationIdSchema,
  batch_id: batchIdSchema,
  created_at: z.iso.datetime(),
  devices: z.array(manifestDeviceSchema).min(1).max(500),
});
export type Manifest = z.infer<typeof manifestSchema>;
export const manifestJwsType = 'aovis-manifest+jwt';
