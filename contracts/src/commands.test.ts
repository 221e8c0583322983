import { describe, expect, it } from '@jest/globals';
import command from '../fixtures/command.v1.json' with { type: 'json' };
import ack from '../fixtures/command-ack.v1.json' with { type: 'json' };
import { commandAckSchema, commandParamsSchemas, commandSchema } from './commands.ts';

it('fits its golden examples', () => {
  expect(commandSchema.parse(command)).toEqual(command);
  expect(commandParamsSchemas.identify.parse(command.params)).toEqual(command.params);
  expect(commandAckSchema.parse(ack)).toEqual(ack);
  expect(ack.id).toBe(command.id);
});

it('lets an unknown type through, so that the board can answer it', () => {
  expect(commandSchema.safeParse({ ...command, type: 'dance' }).success).toBe(true);
});

it.each([{ id: '../x' }, { type: 'x'.repeat(65) }, { params: [] }, { expires_at: -1 }, { extra: 1 }])(
  'refuses a command with %j',
  (change) => {
    expect(commandSchema.safeParse({ ...command, ...change }).success).toBe(false);
  },
);

describe('parameters', () => {
  it('has a default for how long to identify', () => {
    expect(commandParamsSchemas.identify.parse({})).toEqual({ duration_s: 10 });
  });

  it.each([
    ['identify', { duration_s: 0 }],
    ['reboot', { now: true }],
    ['ptz', { pan: 2, tilt: 0, zoom: 0 }],
    ['ptz', { pan: 0 }],
  ] as const)('%s refuses %j', (type, params) => {
    expect(commandParamsSchemas[type].safeParse(params).success).toBe(false);
  });
});
