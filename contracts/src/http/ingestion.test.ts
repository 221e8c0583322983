import { createHmac } from 'node:crypto';
import fixture from '@aovis/contracts/fixtures/iot-event.v1.json' with { type: 'json' };
import { expect, it } from '@jest/globals';
import { dedupKeyOf, iotEnvelopeSchema } from './ingestion.ts';

const session = '6f5e9c1a-1f7a-4d0e-9a43-3c1de1b0a001';

it.each([
  [fixture.event, `event:01JB0000000000000000000010`],
  [fixture.telemetry, `telemetry:01JB0000000000000000000011`],
  [fixture.presence_connected, `presence:${session}:3:connected`],
  [fixture.presence_disconnected, `presence:${session}:3:disconnected`],
  [fixture.lwt, `lwt:1772352062000`],
  [fixture.command_ack, `command_ack:01KAGX2Q0R8M3T5V7W9X1Y2Z3C:succeeded`],
  [fixture.binding_proof, `binding_proof:01KAGX2Q0R8M3T5V7W9X1Y2Z3D`],
])('reads a golden envelope and knows its dedup key %#', (golden, dedupKey) => {
  const envelope = iotEnvelopeSchema.parse(golden);
  expect(envelope).toEqual(golden);
  expect(dedupKeyOf(envelope)).toBe(dedupKey);
});

it('signs what the fixture says', () => {
  const { key, headers, raw_body } = fixture.signed_event;
  const signature = createHmac('sha256', key)
    .update(`${headers['X-Aovis-Timestamp']}.${raw_body}`)
    .digest('hex');
  expect(headers['X-Aovis-Signature']).toBe(signature);
  expect(JSON.parse(raw_body)).toEqual(fixture.event);
});

it.each([
  ['an unknown kind', { ...fixture.event, kind: 'shadow' }],
  ['an unknown field', { ...fixture.event, extra: 1 }],
  ['an unknown field in our payload', { ...fixture.event, payload: { ...fixture.event.payload, extra: 1 } }],
  ['a foreign thing', { ...fixture.event, thing: 'toaster-1' }],
  ['the payload of another kind', { ...fixture.event, payload: fixture.telemetry.payload }],
  ['a time after the last date', { ...fixture.lwt, received_at: Number.MAX_SAFE_INTEGER }],
  [
    'a zero character',
    { ...fixture.event, payload: { ...fixture.event.payload, data: { a: ['x\\\u0000'] } } },
  ],
  [
    'half a surrogate pair',
    { ...fixture.event, payload: { ...fixture.event.payload, data: { '\ud800': 1 } } },
  ],
])('refuses %s', (_, envelope) => {
  expect(iotEnvelopeSchema.safeParse(envelope).success).toBe(false);
});

it('takes text that only looks like an escape', () => {
  const envelope = {
    ...fixture.event,
    payload: { ...fixture.event.payload, data: { a: '\\u0000 \\\\ud800 😀' } },
  };
  expect(iotEnvelopeSchema.safeParse(envelope).success).toBe(true);
});
