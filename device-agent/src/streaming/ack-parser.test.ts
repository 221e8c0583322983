import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Ack, AckParser, AckSyntaxError } from './ack-parser.ts';

const number = '91343852333181481915235394203149336554319348843';
const persisted = `{"EventType":"PERSISTED","FragmentTimecode":1597730826769,"FragmentNumber":"${number}"}`;
const parse = (...chunks: string[]): Ack[] => {
  const parser = new AckParser();
  return chunks.flatMap((chunk) => parser.push(Buffer.from(chunk)));
};

it('reads acknowledgements as the service sends them', () => {
  expect(
    parse(
      '{"EventType":"BUFFERING","FragmentTimecode":1600994737365,"FragmentNumber":"913"}\r\n',
      `${persisted}\r\n\r\n`,
      '{"EventType":"ERROR","FragmentTimecode":1705619089974,"FragmentNumber":"913","ErrorCode":"MAX_FRAGMENT_DURATION_REACHED","ErrorId":4002}\n',
      '{"EventType":"ERROR","ErrorCode":"INVALID_MKV_DATA","ErrorId":4006}\n{"EventType":"IDLE"}',
    ),
  ).toEqual([
    { EventType: 'BUFFERING', FragmentTimecode: 1_600_994_737_365, FragmentNumber: '913' },
    { EventType: 'PERSISTED', FragmentTimecode: 1_597_730_826_769, FragmentNumber: number },
    {
      EventType: 'ERROR',
      FragmentTimecode: 1_705_619_089_974,
      FragmentNumber: '913',
      ErrorCode: 'MAX_FRAGMENT_DURATION_REACHED',
      ErrorId: 4_002,
    },
    { EventType: 'ERROR', ErrorCode: 'INVALID_MKV_DATA', ErrorId: 4_006 },
    { EventType: 'IDLE' },
  ]);
});

it('tolerates the wrapper of the reference, nested braces and missing line ends', () => {
  expect(
    parse(
      '{"Acknowledgement":{"EventType":"RECEIVED","FragmentTimecode":5}}{"EventType":"I{D\\"LE","More":{"a":"}"}}',
    ),
  ).toEqual([{ EventType: 'RECEIVED', FragmentTimecode: 5 }, { EventType: 'I{D"LE' }]);
});

it.each([
  ['<html>', 'something that is no acknowledgement'],
  ['{"EventType":}', 'no JSON'],
  [
    '{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}',
    'UnknownOperation',
  ],
  [`{"EventType":"${'x'.repeat(5_000)}"}`, 'longer than 4096 bytes'],
])('refuses %s', (text, sentence) => {
  expect(() => parse(text)).toThrow(sentence);
});

it('gives the same for any chunks', () => {
  const ack = fc.record({
    EventType: fc.constantFrom('BUFFERING', 'RECEIVED', 'PERSISTED'),
    FragmentTimecode: fc.nat(),
    FragmentNumber: fc.bigInt({ min: 0n, max: 10n ** 46n }).map(String),
  });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(ack, fc.constantFrom('\n', '\r\n', '\r\n\r\n', ''))),
      fc.integer({ min: 1, max: 50 }),
      (acks, size) => {
        const text = acks.map(([each, end]) => JSON.stringify(each) + end).join('');
        const chunks: string[] = [];
        for (let at = 0; at < text.length; at += size) chunks.push(text.slice(at, at + size));
        expect(parse(...chunks)).toEqual(acks.map(([each]) => each));
      },
    ),
  );
});

it('fails on any bytes with an AckSyntaxError only', () => {
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.string().map((text) => Buffer.from(`{${text}}`)),
  );
  fc.assert(
    fc.property(bytes, (chunk) => {
      try {
        new AckParser().push(chunk);
      } catch (error) {
        expect(error).toBeInstanceOf(AckSyntaxError);
      }
    }),
  );
});
