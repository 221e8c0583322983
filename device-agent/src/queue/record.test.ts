import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { crc32 } from '../host/crc32.ts';
import { encodeRecord, type QueueRecord, recordBytes, scanRecords } from './record.ts';

const messageRecord = fc.record({
  type: fc.constant('message' as const),
  seq: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
  message: fc.record({
    class: fc.constantFrom('event' as const, 'telemetry' as const),
    topic: fc.string({ unit: 'grapheme', maxLength: 40 }),
    payload: fc.string({ unit: 'grapheme', maxLength: 200 }),
  }),
});
const removedRecord = fc.record({
  type: fc.constant('removed' as const),
  seqs: fc.array(fc.integer({ min: 1, max: 2 ** 48 - 1 }), { maxLength: 20 }),
});
const droppedRecord = fc.record({
  type: fc.constant('dropped' as const),
  counts: fc.record({ event: fc.nat(), telemetry: fc.nat() }),
});
const anyRecord: fc.Arbitrary<QueueRecord> = fc.oneof(messageRecord, removedRecord, droppedRecord);
const someRecords = fc.array(anyRecord, { minLength: 1, maxLength: 6 });

const encodeAll = (records: readonly QueueRecord[]): Buffer => Buffer.concat(records.map(encodeRecord));
const found = (bytes: Buffer): QueueRecord[] => scanRecords(bytes).records.map(({ record }) => record);

it('computes the CRC-32 of the published check value', () => {
  expect(crc32(Buffer.from('12345'), Buffer.from('6789'))).toBe(0xcbf43926);
});

describe('a record', () => {
  it('has these bytes, for ever', () => {
    const record: QueueRecord = {
      type: 'message',
      seq: 258,
      message: { class: 'telemetry', topic: 'a/b', payload: '{"é":1}' },
    };
    expect(encodeRecord(record).toString('hex')).toBe(
      'f5fea00100000015' + 'adf0a2df' + '01' + '000000000102' + '01' + '0003' + '612f62' + '7b22c3a9223a317d',
    );
    expect(
      encodeRecord({ type: 'removed', seqs: [1] })
        .subarray(12)
        .toString('hex'),
    ).toBe('02000000000001');
    expect(
      encodeRecord({ type: 'dropped', counts: { event: 1, telemetry: 2 } })
        .subarray(12)
        .toString('hex'),
    ).toBe('03' + '000000000001' + '000000000002');
  });

  it('is read back as it was written, and knows its size', () => {
    fc.assert(
      fc.property(someRecords, (records) => {
        const bytes = encodeAll(records);
        expect(scanRecords(bytes)).toMatchObject({ end: bytes.length, damaged: 0 });
        expect(found(bytes)).toEqual(records);
        for (const record of records)
          if (record.type === 'message')
            expect(encodeRecord(record)).toHaveLength(recordBytes(record.message));
      }),
    );
  });
});

describe('a file', () => {
  it('torn off at any byte keeps every whole record before it', () => {
    fc.assert(
      fc.property(someRecords, (records) => {
        const bytes = encodeAll(records);
        const ends = scanRecords(bytes).records.map(({ offset, length }) => offset + length);
        for (let cut = 0; cut <= bytes.length; cut++) {
          const whole = ends.filter((end) => end <= cut).length;
          const scan = scanRecords(bytes.subarray(0, cut));
          expect(scan.records).toHaveLength(whole);
          expect(scan.end).toBe(ends[whole - 1] ?? 0);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('with a flipped byte loses the record it is in and no other', () => {
    fc.assert(
      fc.property(someRecords, fc.nat(), fc.integer({ min: 1, max: 255 }), (records, at, mask) => {
        const bytes = encodeAll(records);
        const position = at % bytes.length;
        const hit = scanRecords(bytes).records.findIndex(
          ({ offset, length }) => position >= offset && position < offset + length,
        );
        bytes[position] = (bytes[position] as number) ^ mask;
        expect(found(bytes)).toEqual(records.filter((_, index) => index !== hit));
      }),
    );
  });

  it('of garbage holds nothing and stops nobody', () => {
    fc.assert(
      fc.property(someRecords, fc.uint8Array({ maxLength: 200 }), (records, garbage) => {
        expect(found(Buffer.from(garbage))).toEqual([]);
        expect(found(Buffer.concat([garbage, encodeAll(records), garbage]))).toEqual(records);
      }),
    );
  });
});
