import * as z from 'zod';
import { certificateIdSchema, deviceIdSchema, iccidSchema, modelCodeSchema, serialSchema } from '../ids.ts';
import { manifestSchema } from '../provisioning.ts';
import { onceErrors, onceHeader } from './admin-common.ts';
import { defineRoute } from './route.ts';

/** Where a board of the line API stands. */
export const lineBoardStates = ['preparing', 'refused', 'ready', 'shown', 'registered'] as const;

/** What identifies a piece of hardware at the line: a MAC address, a chip's serial number. */
export const hardwareIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9:._-]{3,63}$/, 'a hardware id is 4 to 64 letters, digits and : . _ -');

/** A certificate signing request in PEM (RFC 7468). */
const csrSchema = z
  .string()
  .max(8_192)
  .regex(
    /^-----BEGIN (NEW )?CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END (NEW )?CERTIFICATE REQUEST-----\s*$/,
    'expected a certificate request in PEM',
  );

/** Version 1 are the first credentials; each rotation counts one up. */
export const lineBoardSchema = z.strictObject({
  device_id: deviceIdSchema,
  serial: serialSchema,
  model: modelCodeSchema,
  batch_id: manifestSchema.shape.batch_id,
  state: z
    .enum(lineBoardStates)
    .describe(
      '`preparing`: its certificate is being made. `refused`: AWS IoT does not take the certificate request; rotate the ' +
        'credentials with a good one. `ready`: its credentials wait to be fetched, once. `shown`: they were; flash them, then ' +
        'register the board. `registered`: the board works and can be activated by who buys it.',
    ),
  credentials_version: z.int().positive(),
  hardware_id: hardwareIdSchema.optional(),
  /** Of the newest credentials, once they are made. */
  certificate_id: certificateIdSchema.optional(),
});
export type LineBoard = z.infer<typeof lineBoardSchema>;

export const lineCredentialsSchema = z.strictObject({
  device_id: deviceIdSchema,
  credentials_version: z.int().positive(),
  certificate_id: certificateIdSchema,
  certificate_pem: z.string(),
  /** Absent where the board made its own key and sent a certificate request. */
  private_key_pem: z.string().optional(),
  /** For the label. */
  activation_code: z.string(),
  /** For the label's QR code. */
  activation_url: z.url(),
});
export type LineCredentials = z.infer<typeof lineCredentialsSchema>;

/**
 * Why a board is not taken.
 * - `known_otherwise`: the serial was provisioned before with other data, or by a factory station.
 * - `hardware_differs`: the board is bound to another piece of hardware.
 * - `hardware_in_use`: this piece of hardware is bound to another board.
 * - `iccid_in_use`, `iccid_differs`: the SIM card belongs to another board, or the board has another.
 * - `not_claimed`: claim the board first.
 * - `certificate_differs`: this is not the certificate of the credentials that were shown last.
 * - `csr_refused`: AWS IoT does not take the certificate request; rotate the credentials with a good one.
 * - `owned`: somebody owns the board.
 * - `revoked`: the board was revoked or retired.
 */
export const lineConflictReasons = [
  'known_otherwise',
  'hardware_differs',
  'hardware_in_use',
  'iccid_in_use',
  'iccid_differs',
  'not_claimed',
  'certificate_differs',
  'csr_refused',
  'owned',
  'revoked',
] as const;
export type LineConflictReason = (typeof lineConflictReasons)[number];
export const lineConflictDetailsSchema = z.strictObject({ reason: z.enum(lineConflictReasons) });

const boardExample: LineBoard = {
  device_id: 'aovis-n4k-000123',
  serial: 'N4K-000123',
  model: 'n4k',
  batch_id: 'B2026-001',
  state: 'preparing',
  credentials_version: 1,
};
const certificateId = 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9';

export const provisionLineBoard = defineRoute({
  operationId: 'provisionLineBoard',
  method: 'post',
  path: '/api/v1/devices/provision',
  summary: 'Have identity and activation code of a board made',
  description:
    'The certificate is made in the background: `state` is `preparing` at first, then `ready`. With `csr` the board keeps its own key. ' +
    'May be repeated: the same board answers as it stands, another under the same serial is refused.',
  tag: 'Line',
  auth: { factoryKey: 'provision' },
  body: z.strictObject({
    serial: serialSchema,
    model: modelCodeSchema,
    batch_id: manifestSchema.shape.batch_id,
    csr: csrSchema.optional(),
  }),
  example: {
    body: { serial: 'N4K-000123', model: 'n4k', batch_id: 'B2026-001' },
    answer: boardExample,
  },
  responses: { 200: lineBoardSchema },
  errors: ['board_conflict'],
});

export const claimLineBoard = defineRoute({
  operationId: 'claimLineBoard',
  method: 'post',
  path: '/api/v1/devices/claim',
  summary: 'Bind a board to the piece of hardware that lies at the line',
  description:
    'One piece of hardware for each board, and one board for each piece. Credentials are shown of claimed boards only. May be repeated.',
  tag: 'Line',
  auth: { factoryKey: 'claim' },
  body: z.strictObject({
    device_id: deviceIdSchema,
    hardware_id: hardwareIdSchema,
    iccid: iccidSchema.optional(),
  }),
  example: {
    body: { device_id: 'aovis-n4k-000123', hardware_id: 'AC:DE:48:00:11:22', iccid: '8944500102198304826' },
    answer: {
      ...boardExample,
      state: 'ready',
      hardware_id: 'AC:DE:48:00:11:22',
      certificate_id: certificateId,
    },
  },
  responses: { 200: lineBoardSchema },
  errors: ['device_not_found', 'board_conflict'],
});

export const registerLineBoard = defineRoute({
  operationId: 'registerLineBoard',
  method: 'post',
  path: '/api/v1/devices/register',
  summary: 'Report a board that was flashed and tested: it works from now on',
  description:
    'Its certificate becomes active and that of earlier credentials is revoked; the code of the label activates the board. ' +
    '`certificate_id` shows that it has the credentials that were shown last. May be repeated.',
  tag: 'Line',
  auth: { factoryKey: 'register' },
  body: z.strictObject({ device_id: deviceIdSchema, certificate_id: certificateIdSchema }),
  example: {
    body: { device_id: 'aovis-n4k-000123', certificate_id: certificateId },
    answer: {
      ...boardExample,
      state: 'registered',
      hardware_id: 'AC:DE:48:00:11:22',
      certificate_id: certificateId,
    },
  },
  responses: { 200: lineBoardSchema },
  errors: ['device_not_found', 'board_conflict', 'credentials_not_ready'],
});

export const takeLineCredentials = defineRoute({
  operationId: 'takeLineCredentials',
  method: 'get',
  path: '/api/v1/devices/{id}/credentials',
  summary: 'The credentials of a claimed board, once',
  description:
    'They are shown to one request and erased. Whoever lost the answer rotates them. While they are being made: 409 ' +
    '`credentials_not_ready`, ask again.',
  tag: 'Line',
  auth: { factoryKey: 'credentials' },
  params: z.strictObject({ id: deviceIdSchema }),
  example: {
    params: { id: 'aovis-n4k-000123' },
    answer: {
      device_id: 'aovis-n4k-000123',
      credentials_version: 1,
      certificate_id: certificateId,
      certificate_pem: '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n',
      private_key_pem: '-----BEGIN RSA PRIVATE KEY-----\n…\n-----END RSA PRIVATE KEY-----\n',
      activation_code: '7K3M9P-QRSTV2-WXYZ4H',
      activation_url: 'https://direct.example/a#7K3M9PQRSTV2WXYZ4H',
    },
  },
  responses: { 200: lineCredentialsSchema },
  errors: ['device_not_found', 'board_conflict', 'credentials_not_ready', 'credentials_shown'],
});

export const rotateLineCredentials = defineRoute({
  operationId: 'rotateLineCredentials',
  method: 'post',
  path: '/api/v1/devices/{id}/rotate-credentials',
  summary: 'New key, certificate and activation code for a board that nobody owns',
  description:
    'For credentials that were lost or seen. The former certificate works until the board is registered with the new one; the ' +
    'former label is void from then on.',
  tag: 'Line',
  auth: { factoryKey: 'rotate' },
  params: z.strictObject({ id: deviceIdSchema }),
  headers: onceHeader,
  body: z.strictObject({ reason: z.string().min(3).max(200), csr: csrSchema.optional() }),
  example: {
    params: { id: 'aovis-n4k-000123' },
    body: { reason: 'the answer was lost' },
    answer: { ...boardExample, credentials_version: 2, hardware_id: 'AC:DE:48:00:11:22' },
  },
  responses: { 200: lineBoardSchema },
  errors: ['device_not_found', 'board_conflict', ...onceErrors],
});
