import * as z from 'zod';
import { type CommandType, commandAckSchema, commandAckStatuses, commandParamsSchemas } from '../commands.ts';
import { ulidSchema } from '../ids.ts';
import { nextCursorSchema, pageQuery } from './paging.ts';
import { defineRoute } from './route.ts';

/** How long a request may wait for the board. */
export const maxCommandTimeoutSeconds = 30;
export const defaultCommandTimeoutSeconds = 10;

/** `pending`: on its way. `expired`: it was not taken in time and never will be. The last four are ends. */
export const commandStatuses = ['pending', ...commandAckStatuses, 'expired'] as const;
export type CommandStatus = (typeof commandStatuses)[number];

const commandTypes = Object.keys(commandParamsSchemas) as [CommandType, ...CommandType[]];
const instantSchema = z.iso.datetime();
/** As for every device route: what names no device of the caller is `device_not_found`, malformed or not. */
const deviceParams = z.strictObject({ id: z.string().max(128) });

const timeoutSchema = z
  .int()
  .min(0)
  .max(maxCommandTimeoutSeconds)
  .default(defaultCommandTimeoutSeconds)
  .describe('How long to wait for the board, in seconds; 0 does not wait.');

function requestOf<Type extends CommandType>(type: Type) {
  const params = commandParamsSchemas[type];
  return z.strictObject({ type: z.literal(type), params, timeout_s: timeoutSchema });
}

export const commandRequestSchema = z.discriminatedUnion(
  'type',
  [requestOf('reboot'), requestOf('identify'), requestOf('request_keyframe'), requestOf('ptz')],
  { error: `There is no such command; send one of ${commandTypes.join(', ')}` },
);
export type CommandRequest = z.infer<typeof commandRequestSchema>;

export const commandViewSchema = z.strictObject({
  id: ulidSchema,
  type: z.enum(commandTypes),
  params: z.record(z.string(), z.json()),
  status: z
    .enum(commandStatuses)
    .describe(
      '`pending`: on its way. `accepted`, `running`: the device has taken it. `expired`: it was not taken in time and never ' +
        'will be. `succeeded`, `failed`, `rejected` and `expired` are ends.',
    ),
  result: z.record(z.string(), z.json()).nullable().describe('What the board answered, if anything.'),
  failure: commandAckSchema.shape.error
    .unwrap()
    .nullable()
    .describe('Why it `failed`, was `rejected` or `expired`; else null.'),
  created_at: instantSchema,
  expires_at: instantSchema.describe('The board does not begin it from then on.'),
  updated_at: instantSchema,
});
export type CommandView = z.infer<typeof commandViewSchema>;

const exampleParams = { id: 'aovis-n4k-000123' };
const exampleCommand: CommandView = {
  id: '01KAGX2Q0R8M3T5V7W9X1Y2Z3C',
  type: 'identify',
  params: { duration_s: 5 },
  status: 'succeeded',
  result: { shown_by: 'log' },
  failure: null,
  created_at: '2026-11-20T12:00:00.000Z',
  expires_at: '2026-11-20T12:00:30.000Z',
  updated_at: '2026-11-20T12:00:00.410Z',
};

export const sendCommand = defineRoute({
  operationId: 'sendCommand',
  method: 'post',
  path: '/api/devices/{id}/command',
  summary: 'Have a device do something, and learn what came of it',
  description:
    '200 is the end of it: `succeeded`, `failed` or `rejected`. 202 is a command that goes on: it was not waited ' +
    'for, or the device has taken it and is not through with it; ask for it by its id. 504 `device_timeout` is a ' +
    'device that said nothing; its details name the command, which the device may still begin until `expires_at`. ' +
    'A device executes a command at most once. Repeat a request with its `Idempotency-Key`: without one a ' +
    'repetition is a second command.',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: deviceParams,
  headers: {
    'Idempotency-Key': {
      description: 'The same key and body get the same command instead of a second one.',
      example: '"9d5a3c1e-70f8-4f5b-8d3c-2f4b6a1c0e7d"',
    },
  },
  body: commandRequestSchema,
  example: {
    params: exampleParams,
    body: { type: 'identify', params: { duration_s: 5 }, timeout_s: 10 },
    answer: exampleCommand,
  },
  responses: { 200: commandViewSchema, 202: commandViewSchema },
  errors: [
    'device_not_found',
    'device_offline',
    'device_timeout',
    'idempotency_key_reused',
    'idempotency_in_progress',
  ],
});

export const getCommand = defineRoute({
  operationId: 'getCommand',
  method: 'get',
  path: '/api/devices/{id}/commands/{command_id}',
  summary: 'One command and what came of it',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: z.strictObject({ ...deviceParams.shape, command_id: z.string().max(128) }),
  example: {
    params: { ...exampleParams, command_id: exampleCommand.id },
    answer: exampleCommand,
  },
  responses: { 200: commandViewSchema },
  errors: ['device_not_found', 'command_not_found'],
});

export const listCommands = defineRoute({
  operationId: 'listCommands',
  method: 'get',
  path: '/api/devices/{id}/commands',
  summary: 'The commands one sent to a device, newest first',
  description: 'Those of an earlier owner are not among them.',
  tag: 'Devices',
  auth: { device: 'owner' },
  params: deviceParams,
  query: z.strictObject({ ...pageQuery }),
  example: {
    params: exampleParams,
    query: { limit: 50 },
    answer: { commands: [exampleCommand], next_cursor: null },
  },
  responses: {
    200: z.strictObject({ commands: z.array(commandViewSchema), next_cursor: nextCursorSchema }),
  },
  errors: ['device_not_found'],
});
