import * as z from 'zod';
import { deviceIdSchema, ulidSchema } from '../ids.ts';
import { deviceSchema, entitlementSchema, exampleDevice, exampleTrial } from './devices.ts';
import { defineRoute } from './route.ts';

const instantSchema = z.iso.datetime();

export const ownershipSchema = z.strictObject({
  since: instantSchema,
  epoch: z.int().nonnegative().describe('Counts the changes of owner of this device.'),
});

export const activationSchema = z.strictObject({
  device: deviceSchema,
  ownership: ownershipSchema,
  entitlement: entitlementSchema
    .nullable()
    .describe("The device's trial when it is this user's; null when an earlier owner had it."),
  already_owned: z.boolean(),
});
export type Activation = z.infer<typeof activationSchema>;

export const claimStatuses = ['pending', 'activated', 'refused', 'expired'] as const;
export const claimFailureCodes = [
  'device_proof_timeout',
  'invalid_proof',
  'certificate_not_active',
  'ownership_changed',
] as const;

/** An activation that waits for the board's own confirmation. */
export const activationClaimSchema = z.strictObject({
  claim_id: ulidSchema,
  device_id: deviceIdSchema,
  status: z
    .enum(claimStatuses)
    .describe(
      '`pending`: the device has been asked to confirm. `activated`: it has, and is one’s own. `refused`: what it ' +
        'answered does not do, or it changed hands meanwhile. `expired`: it did not answer in time. All but the first ' +
        'are ends.',
    ),
  created_at: instantSchema.describe('When the device was asked.'),
  expires_at: instantSchema.describe('From then on its confirmation counts no more.'),
  failure: z
    .strictObject({
      code: z
        .enum(claimFailureCodes)
        .describe(
          '`device_proof_timeout`: no answer came. `invalid_proof`: the answer was not this device’s signature. ' +
            '`certificate_not_active`: its identity was withdrawn. `ownership_changed`: somebody else has activated it.',
        ),
      message: z.string().describe('The same in a sentence that says what to do.'),
    })
    .nullable()
    .describe('Why it was `refused` or `expired`; else null.'),
  activation: activationSchema
    .nullable()
    .describe('What it brought, once `activated` and as long as the device is one’s own; else null.'),
});
export type ActivationClaim = z.infer<typeof activationClaimSchema>;

export const activateDevice = defineRoute({
  operationId: 'activateDevice',
  method: 'post',
  path: '/api/devices/activate',
  summary: 'Make a device one’s own with the code on its label',
  description:
    'Checked in this order: code present, code right (an unknown device answers like a wrong code), released by ' +
    'the factory, SIM card, owner, the board’s own confirmation where its model wants it. Repeating it as the ' +
    'owner is harmless. The first activation ever of a device starts a 30-day trial of `cloud_playback`. 202 is a ' +
    'model whose boards confirm: the device has been asked, and `getDeviceClaim` tells when it has answered, usually ' +
    'within a second. It must be online and in claim mode: for 15 minutes after its first start, after a factory ' +
    'reset and after a press of its button, and only while nobody owns it.',
  tag: 'Devices',
  auth: 'user',
  body: z.strictObject({
    aovis_device_id: z.string().min(1).max(128).describe('As on the label.'),
    activation_code: z
      .string()
      .max(64)
      .nullish()
      .describe(
        'As printed or typed: case, spaces and hyphens do not matter. Its absence has a code of its own, ' +
          '`activation_code_required`.',
      ),
    iccid: z
      .string()
      .max(32)
      .nullish()
      .describe('Of the SIM card, when the app could read it; then it must be right.'),
  }),
  example: {
    body: {
      aovis_device_id: 'aovis-n4k-000123',
      activation_code: '7Q2MXD-4KTR9V-0HB3NC',
      iccid: '8944500102198304826',
    },
    answer: {
      device: exampleDevice,
      ownership: { since: '2026-11-02T08:15:30.000Z', epoch: 1 },
      entitlement: exampleTrial,
      already_owned: false,
    },
  },
  responses: { 200: activationSchema, 202: activationClaimSchema },
  errors: [
    'activation_code_required',
    'invalid_activation_code',
    'device_not_provisioned',
    'iccid_mismatch',
    'device_owned_by_another_user',
    'device_offline',
    'device_proof_required',
    'claim_pending',
  ],
});

export const getDeviceClaim = defineRoute({
  operationId: 'getDeviceClaim',
  method: 'get',
  path: '/api/devices/claims/{claim_id}',
  summary: 'What became of an activation that waits for the device',
  description:
    'Ask once a second while it is `pending`. Nobody but who began it can see it. A claim that came to nothing is ' +
    'not taken up again: activate once more.',
  tag: 'Devices',
  auth: 'user',
  params: z.strictObject({ claim_id: z.string().max(128) }),
  example: {
    params: { claim_id: '01KAGX2Q0R8M3T5V7W9X1Y2Z3D' },
    answer: {
      claim_id: '01KAGX2Q0R8M3T5V7W9X1Y2Z3D',
      device_id: exampleDevice.device_id,
      status: 'pending',
      created_at: '2026-11-20T12:00:00.000Z',
      expires_at: '2026-11-20T12:02:00.000Z',
      failure: null,
      activation: null,
    },
  },
  responses: { 200: activationClaimSchema },
  errors: ['claim_not_found'],
});
