import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFrame, writeFrame } from './message.ts';

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
const frame = (fields: object): string => JSON.stringify(fields);

describe('a frame of the signaling service', () => {
  it('brings a viewer’s offer', () => {
    const offer = {
      messageType: 'SDP_OFFER',
      senderClientId: 'v',
      messagePayload: base64({ type: 'offer', sdp: 'v=0' }),
    };
    expect(readFrame(frame(offer))).toEqual({ type: 'offer', clientId: 'v', sdp: 'v=0' });
  });

  it('brings a viewer’s candidate', () => {
    const candidate = { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 };
    const text = frame({
      messageType: 'ICE_CANDIDATE',
      senderClientId: 'v',
      messagePayload: base64({ ...candidate, usernameFragment: 'x' }),
    });
    expect(readFrame(text)).toEqual({ type: 'candidate', clientId: 'v', candidate });
  });

  it('says what the service wants', () => {
    expect(readFrame('{"messageType":"GO_AWAY","messagePayload":""}')).toEqual({ type: 'go-away' });
    expect(readFrame('{"messageType":"RECONNECT_ICE_SERVER"}')).toEqual({ type: 'reconnect-ice-server' });
  });

  it('says what was refused', () => {
    const statusResponse = {
      correlationId: 'c',
      errorType: 'InvalidArgumentException',
      statusCode: '400',
      description: 'no',
    };
    expect(readFrame(frame({ messageType: 'STATUS_RESPONSE', messagePayload: '', statusResponse }))).toEqual({
      type: 'refused',
      correlationId: 'c',
      errorType: 'InvalidArgumentException',
      description: 'no',
    });
  });

  it.each([
    '',
    '{}',
    '[]',
    'null',
    '{"messageType":"SDP_ANSWER","senderClientId":"v","messagePayload":"e30="}',
    '{"messageType":"SDP_OFFER","messagePayload":"e30="}',
    '{"messageType":"SDP_OFFER","senderClientId":"v","messagePayload":"?"}',
    '{"messageType":"SDP_OFFER","senderClientId":"v","messagePayload":"e30="}',
    '{"messageType":"ICE_CANDIDATE","senderClientId":"v","messagePayload":"e30="}',
  ])('is ignored when it makes no sense: %s', (text) => {
    expect(readFrame(text)).toBeUndefined();
  });

  it('never brings the agent down', () => {
    const messageType = fc.constantFrom('SDP_OFFER', 'ICE_CANDIDATE', 'STATUS_RESPONSE', 'GO_AWAY');
    const fields = fc.record(
      {
        messageType,
        senderClientId: fc.string(),
        messagePayload: fc.json().map(base64),
        statusResponse: fc.object(),
      },
      { requiredKeys: [] },
    );
    fc.assert(fc.property(fc.oneof(fc.string(), fields.map(frame)), (text) => void readFrame(text)));
  });
});

it('a frame to a viewer carries its payload in base64 and asks to be told of a refusal', () => {
  const text = writeFrame(
    { action: 'SDP_ANSWER', clientId: 'v', payload: { type: 'answer', sdp: 'x' } },
    'c-1',
  );
  expect(JSON.parse(text)).toEqual({
    action: 'SDP_ANSWER',
    recipientClientId: 'v',
    messagePayload: base64({ type: 'answer', sdp: 'x' }),
    correlationId: 'c-1',
  });
});
