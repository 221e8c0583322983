import * as z from 'zod';
import { desiredConfigSchema } from '../shadow.ts';
import { deviceParams, exampleDevice } from './devices.ts';
import { defineRoute } from './route.ts';

const exampleParams = { id: exampleDevice.device_id };

export const shadowNames = ['config', 'state'] as const;
const shadowDocumentSchema = z.record(z.string(), z.json());

export const shadowSchema = z.strictObject({
  reported: shadowDocumentSchema,
  desired: shadowDocumentSchema,
  delta: shadowDocumentSchema.describe('The part of `desired` that the board has not reported yet.'),
  version: z
    .int()
    .nonnegative()
    .describe('Send it back as `If-Match` with a change; 0 while there is no shadow.'),
});
export type ShadowView = z.infer<typeof shadowSchema>;

const shadowVersionHeader = {
  ETag: { description: 'The version, to be sent back as `If-Match`.', example: '"7"' },
};
const exampleShadow: ShadowView = {
  reported: { stream: { enabled: true } },
  desired: { stream: { enabled: false } },
  delta: { stream: { enabled: false } },
  version: 7,
};

export const getDeviceShadow = defineRoute({
  operationId: 'getDeviceShadow',
  method: 'get',
  path: '/api/devices/{id}/shadow',
  summary: 'Desired and running configuration, or reported state',
  description: '`name=config` (the default) is the configuration; `name=state` is what the board reports.',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: deviceParams,
  query: z.strictObject({ name: z.enum(shadowNames).default('config') }),
  answerHeaders: shadowVersionHeader,
  example: { params: exampleParams, query: { name: 'config' }, answer: exampleShadow },
  responses: { 200: shadowSchema },
  errors: ['device_not_found'],
});

export const updateDeviceShadow = defineRoute({
  operationId: 'updateDeviceShadow',
  method: 'patch',
  path: '/api/devices/{id}/shadow',
  summary: 'Change the desired configuration',
  description:
    'Keys that are absent stay as they are. `If-Match` must hold the version that was read; when the shadow has ' +
    'changed meanwhile nothing happens and the answer is 409.',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: deviceParams,
  headers: {
    'If-Match': {
      description: 'The version of the shadow that the change is based on; 0 while there is none.',
      example: '6',
      required: true,
    },
  },
  answerHeaders: shadowVersionHeader,
  body: z.strictObject({ desired: desiredConfigSchema }),
  example: {
    params: exampleParams,
    body: { desired: { stream: { enabled: false } } },
    answer: exampleShadow,
  },
  responses: { 200: shadowSchema },
  errors: ['device_not_found', 'shadow_version_conflict'],
});
