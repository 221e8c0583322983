import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { eventFrame, MessageRefusal, readMessage, statusFrame } from './message.ts';

it('reads what it would write, and refuses the rest without falling over', () => {
  const anything = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record(
        {
          action: fc.oneof(fc.constantFrom('SDP_OFFER', 'ICE_CANDIDATE'), fc.jsonValue()),
          MessagePayload: fc.oneof(fc.base64String(), fc.jsonValue()),
          recipientClientId: fc.oneof(fc.string(), fc.jsonValue()),
          correlationId: fc.jsonValue(),
        },
        { requiredKeys: [] },
      )
      .map((message) => JSON.stringify(message)),
  );
  fc.assert(
    fc.property(anything, (text) => {
      try {
        const message = readMessage(text);
        if (message !== undefined) expect(message.payload.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(MessageRefusal);
      }
    }),
  );
});

it('takes members that are null for absent', () => {
  expect(readMessage('{"action":"SDP_OFFER","messagePayload":"e30=","correlationId":null}')).toEqual({
    action: 'SDP_OFFER',
    payload: 'e30=',
    recipientClientId: undefined,
    correlationId: undefined,
  });
  expect(readMessage(' \r\n')).toBeUndefined();
});

it('writes events and refusals in the documented form', () => {
  expect(eventFrame('SDP_OFFER', 'e30=', 'viewer-1')).toBe(
    '{"messageType":"SDP_OFFER","messagePayload":"e30=","senderClientId":"viewer-1"}',
  );
  expect(eventFrame('GO_AWAY')).toBe('{"messageType":"GO_AWAY","messagePayload":""}');
  expect(statusFrame(new MessageRefusal('c-1', 'InvalidArgumentException', 'why'))).toBe(
    '{"messageType":"STATUS_RESPONSE","messagePayload":"","statusResponse":{"correlationId":"c-1","errorType":"InvalidArgumentException","statusCode":"400","description":"why"}}',
  );
});
