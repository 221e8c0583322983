import * as z from 'zod';
import { deviceIdSchema, serialSchema } from '../ids.ts';
import { ownershipSchema } from './activation.ts';
import { deviceParams, deviceSchema, exampleDevice } from './devices.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute } from './route.ts';

const instantSchema = z.iso.datetime();
/** Any text passes: what is no address has a code of its own. */
const typedEmailSchema = z.string().max(320);
/** Of a mailed link: what is none of ours is `invitation_not_found`. */
const invitationTokenSchema = z.string().min(1).max(512);
const acceptBodySchema = z.strictObject({ token: invitationTokenSchema });

export const shareSchema = z.strictObject({
  share_id: z.uuid(),
  status: z.enum(['invited', 'active']).describe('`invited` until somebody accepts.'),
  email: z.string().nullable().describe('The address that was invited; null for an invitation by link.'),
  viewer: z
    .string()
    .nullable()
    .describe(
      "The viewer's name, or enough of the address to recognise it by; null while nobody has accepted.",
    ),
  created_at: instantSchema,
  invitation_expires_at: instantSchema.describe(
    'First instant at which the invitation can no longer be accepted.',
  ),
  accepted_at: instantSchema.nullable(),
  expires_at: instantSchema.describe(
    'First instant at which there is nothing to see any more, whenever it was accepted.',
  ),
});
export type ShareView = z.infer<typeof shareSchema>;

export const createdShareSchema = z.strictObject({
  ...shareSchema.shape,
  url: z
    .string()
    .nullable()
    .describe(
      'Of an invitation by link, for the owner to pass on: shown this once. Null when it goes out by mail.',
    ),
});
export type CreatedShare = z.infer<typeof createdShareSchema>;

export const transferSchema = z.strictObject({
  device_id: deviceIdSchema,
  serial: serialSchema,
  direction: z
    .enum(['outgoing', 'incoming'])
    .describe('Whether the device was offered by or to the one who asks.'),
  recipient_email: z.string(),
  created_at: instantSchema,
  expires_at: instantSchema.describe('First instant at which it can no longer be accepted.'),
});
export type TransferView = z.infer<typeof transferSchema>;

const exampleParams = { id: exampleDevice.device_id };
const exampleShare: ShareView = {
  share_id: '0b9d2f64-3a1e-4f0a-8a55-7d7b0f1c9e21',
  status: 'invited',
  email: 'grandma@example.com',
  viewer: null,
  created_at: '2026-11-20T12:00:00.000Z',
  invitation_expires_at: '2026-11-27T12:00:00.000Z',
  accepted_at: null,
  expires_at: '2026-12-20T12:00:00.000Z',
};
const exampleTransfer: TransferView = {
  device_id: exampleDevice.device_id,
  serial: exampleDevice.serial,
  direction: 'outgoing',
  recipient_email: 'next.owner@example.com',
  created_at: '2026-11-20T12:00:00.000Z',
  expires_at: '2026-11-27T12:00:00.000Z',
};
const repeatable = {
  'Idempotency-Key': {
    description: 'The same key and body get the same invitation, and its link, instead of a second one.',
    example: '"5f0c1c7b-2b39-4a29-9d59-0c6de7f3a1b4"',
  },
};
const exampleToken = 'Qm9va3NBcmVGb3JSZWFkaW5nTm90Rm9yVG9rZW5zISE';

export const createShare = defineRoute({
  operationId: 'createShare',
  method: 'post',
  path: '/api/devices/{id}/shares',
  summary: 'Invite somebody to view a device',
  description:
    'With `email` the invitation is mailed, and only who is signed in with that address, verified, can accept it. ' +
    'Without, the answer holds a link to pass on, for the first who opens it. An invitation can be accepted once, ' +
    'within 7 days; a new one to the same address takes the place of the one before, and prolongs the viewing once ' +
    'it is accepted. A viewer sees the device, its live picture, recordings, clips and events, by the owner’s plan, ' +
    'and changes nothing. At most 10 viewers and open invitations a device.',
  tag: 'Sharing',
  auth: { device: 'owner' },
  params: deviceParams,
  headers: repeatable,
  body: z.strictObject({
    email: typedEmailSchema.optional(),
    expires_in_days: z
      .int()
      .min(1)
      .max(365)
      .default(30)
      .describe('Until the viewing ends, counted from now.'),
  }),
  example: {
    params: exampleParams,
    body: { email: 'grandma@example.com', expires_in_days: 30 },
    answer: { ...exampleShare, url: null },
  },
  responses: { 201: createdShareSchema },
  errors: [
    'device_not_found',
    'invalid_email',
    'already_owner',
    'too_many_shares',
    'idempotency_key_reused',
    'idempotency_in_progress',
  ],
});

export const listShares = defineRoute({
  operationId: 'listShares',
  method: 'get',
  path: '/api/devices/{id}/shares',
  summary: 'Who may view a device, and who is invited to; oldest first',
  tag: 'Sharing',
  auth: { device: 'owner' },
  params: deviceParams,
  example: { params: exampleParams, answer: { shares: [exampleShare] } },
  responses: { 200: z.strictObject({ shares: z.array(shareSchema).max(10) }) },
  errors: ['device_not_found'],
});

const endedSchema = z.strictObject({ ended: z.literal(true) });

export const endShare = defineRoute({
  operationId: 'endShare',
  method: 'delete',
  path: '/api/devices/{id}/shares/{share_id}',
  summary: 'Take an invitation back, or end somebody’s viewing',
  description:
    'It acts at once; an address of video that was handed out before plays on for at most 15 minutes.',
  tag: 'Sharing',
  auth: { device: 'owner' },
  params: z.strictObject({ ...deviceParams.shape, share_id: z.string().max(128) }),
  example: {
    params: { ...exampleParams, share_id: exampleShare.share_id },
    answer: { ended: true },
  },
  responses: { 200: endedSchema },
  errors: ['device_not_found', 'share_not_found'],
});

export const leaveShare = defineRoute({
  operationId: 'leaveShare',
  method: 'delete',
  path: '/api/devices/{id}/shares/mine',
  summary: 'View a device no longer',
  description: 'The owner, who has no share, is answered `share_not_found`.',
  tag: 'Sharing',
  auth: { device: 'viewer' },
  params: deviceParams,
  example: { params: exampleParams, answer: { ended: true } },
  responses: { 200: endedSchema },
  errors: ['device_not_found', 'share_not_found'],
});

export const acceptShare = defineRoute({
  operationId: 'acceptShare',
  method: 'post',
  path: '/api/shares/accept',
  summary: 'Accept an invitation to view a device',
  description:
    'By the one who was invited, signed in. Repeating it is harmless for who accepted it; for everybody else it is ' +
    'used up.',
  tag: 'Sharing',
  auth: 'user',
  body: acceptBodySchema,
  example: {
    body: { token: exampleToken },
    answer: {
      device: { ...exampleDevice, role: 'viewer', access_ends_at: exampleShare.expires_at },
    },
  },
  responses: { 200: z.strictObject({ device: deviceSchema }) },
  errors: ['invitation_not_found', 'invitation_for_another_address', 'already_owner'],
});

export const offerTransfer = defineRoute({
  operationId: 'offerTransfer',
  method: 'post',
  path: '/api/devices/{id}/transfer',
  summary: 'Offer a device to its next owner',
  description:
    'Mails an offer to the address. Nothing changes until somebody signed in with that address, verified, accepts it ' +
    'within 7 days. Then, at once: the ownership goes over, all shares end, the old owner’s name and settings for ' +
    'the device are wiped, and neither recordings nor events from before are shown to the new owner. What runs on ' +
    'the device goes along: the rest of its trial (which is once per device, ever) and paid plans; refunds and ' +
    'disputes stay with who paid, and take the plan from whoever has it. One open offer a device.',
  tag: 'Sharing',
  auth: { device: 'owner' },
  params: deviceParams,
  headers: repeatable,
  body: z.strictObject({ email: typedEmailSchema }),
  example: {
    params: exampleParams,
    body: { email: exampleTransfer.recipient_email },
    answer: exampleTransfer,
  },
  responses: { 201: transferSchema },
  errors: [
    'device_not_found',
    'invalid_email',
    'already_owner',
    'transfer_already_offered',
    'idempotency_key_reused',
    'idempotency_in_progress',
  ],
});

export const cancelTransfer = defineRoute({
  operationId: 'cancelTransfer',
  method: 'delete',
  path: '/api/devices/{id}/transfer',
  summary: 'Withdraw the offer of a device',
  tag: 'Sharing',
  auth: { device: 'owner' },
  params: deviceParams,
  example: { params: exampleParams, answer: { cancelled: true } },
  responses: { 200: z.strictObject({ cancelled: z.literal(true) }) },
  errors: ['device_not_found', 'transfer_not_found'],
});

export const acceptTransfer = defineRoute({
  operationId: 'acceptTransfer',
  method: 'post',
  path: '/api/transfers/accept',
  summary: 'Take an offered device over',
  description: 'See `POST /api/devices/{id}/transfer` for all that it changes. Repeating it is harmless.',
  tag: 'Sharing',
  auth: 'user',
  body: acceptBodySchema,
  example: {
    body: { token: exampleToken },
    answer: {
      device: { ...exampleDevice, name: exampleDevice.serial },
      ownership: { since: exampleDevice.activated_at, epoch: 3 },
    },
  },
  responses: { 200: z.strictObject({ device: deviceSchema, ownership: ownershipSchema }) },
  errors: ['invitation_not_found', 'invitation_for_another_address', 'already_owner'],
});

export const listTransfers = defineRoute({
  operationId: 'listTransfers',
  method: 'get',
  path: '/api/transfers',
  summary: 'Open offers of devices by and to oneself, newest first',
  description: 'An incoming offer is accepted with the token of the mail that brought it.',
  tag: 'Sharing',
  auth: 'user',
  query: z.strictObject({ ...pageQuery }),
  example: { query: { limit: 50 }, answer: { transfers: [exampleTransfer], next_cursor: null } },
  responses: {
    200: z.strictObject({ transfers: z.array(transferSchema), next_cursor: nextCursorSchema }),
  },
  errors: [],
});
