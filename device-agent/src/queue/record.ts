import { crc32 } from '../host/crc32.ts';
import type { MessageClass, QueuedMessage } from './queued-message.ts';

/**
 * A record of the outbound queue's files, numbers big-endian:
 *
 *     magic u32 | body length u32 | CRC-32 of length and body u32 | body
 *     body: type u8, then
 *       1 message   number u48, class u8, topic length u16, topic, payload (UTF-8)
 *       2 removed   number u48 of each message that is done with
 *       3 dropped   events u48, telemetry u48: how many were dropped ever
 */
export type QueueRecord =
  | { type: 'message'; seq: number; message: QueuedMessage }
  | { type: 'removed'; seqs: readonly number[] }
  | { type: 'dropped'; counts: Record<MessageClass, number> };

/** 0xF5 and 0xFE occur in no UTF-8 text: no payload can look like the beginning of a record. */
const magic = Buffer.from([0xf5, 0xfe, 0xa0, 0x01]);
const headerBytes = 12;
const seqBytes = 6;
const messageFixedBytes = 1 + seqBytes + 1 + 2;
/** Above any message that a broker takes (128 KB) and any list of numbers that is written at once. */
const maxBodyBytes = 256 * 1024;
/** At most so many numbers in one `removed` record. */
export const maxSeqsPerRecord = 4_096;

const typeBytes = { message: 1, removed: 2, dropped: 3 } as const;
const classes: readonly MessageClass[] = ['event', 'telemetry'];

/** What a message takes on the disk, in bytes. */
export function recordBytes(message: QueuedMessage): number {
  return (
    headerBytes + messageFixedBytes + Buffer.byteLength(message.topic) + Buffer.byteLength(message.payload)
  );
}

export function encodeRecord(record: QueueRecord): Buffer {
  const body = encodeBody(record);
  const header = Buffer.alloc(headerBytes);
  magic.copy(header);
  header.writeUInt32BE(body.length, 4);
  header.writeUInt32BE(crc32(header.subarray(4, 8), body), 8);
  return Buffer.concat([header, body]);
}

function encodeBody(record: QueueRecord): Buffer {
  switch (record.type) {
    case 'message': {
      const topic = Buffer.from(record.message.topic);
      const fixed = Buffer.alloc(messageFixedBytes);
      fixed.writeUInt8(typeBytes.message, 0);
      fixed.writeUIntBE(record.seq, 1, seqBytes);
      fixed.writeUInt8(classes.indexOf(record.message.class), 7);
      fixed.writeUInt16BE(topic.length, 8);
      return Buffer.concat([fixed, topic, Buffer.from(record.message.payload)]);
    }
    case 'removed':
      return encodeNumbers(typeBytes.removed, record.seqs);
    case 'dropped':
      return encodeNumbers(typeBytes.dropped, [record.counts.event, record.counts.telemetry]);
  }
}

function encodeNumbers(type: number, numbers: readonly number[]): Buffer {
  const body = Buffer.alloc(1 + numbers.length * seqBytes);
  body.writeUInt8(type, 0);
  for (const [index, number] of numbers.entries()) body.writeUIntBE(number, 1 + index * seqBytes, seqBytes);
  return body;
}

export interface ScannedRecord {
  record: QueueRecord;
  offset: number;
  length: number;
}

export interface Scan {
  records: ScannedRecord[];
  /** Where the last whole record ends; what follows was torn off or damaged. */
  end: number;
  /** Stretches between whole records that are none. */
  damaged: number;
}

/** Finds every whole record, also behind damaged ones. */
export function scanRecords(bytes: Buffer): Scan {
  const scan: Scan = { records: [], end: 0, damaged: 0 };
  for (let at = bytes.indexOf(magic); at !== -1; ) {
    const found = decodeRecord(bytes, at);
    if (found === undefined) {
      at = bytes.indexOf(magic, at + 1);
      continue;
    }
    if (at > scan.end) scan.damaged += 1;
    scan.end = at + found.length;
    if (found.record !== undefined)
      scan.records.push({ record: found.record, offset: at, length: found.length });
    at = bytes.indexOf(magic, scan.end);
  }
  return scan;
}

/** The record at `offset`; undefined when there is no whole one. One of a type from the future has no `record`. */
function decodeRecord(
  bytes: Buffer,
  offset: number,
): { length: number; record: QueueRecord | undefined } | undefined {
  if (bytes.length - offset < headerBytes) return undefined;
  const bodyLength = bytes.readUInt32BE(offset + 4);
  const length = headerBytes + bodyLength;
  if (bodyLength === 0 || bodyLength > maxBodyBytes || offset + length > bytes.length) return undefined;
  const body = bytes.subarray(offset + headerBytes, offset + length);
  const checksum = crc32(bytes.subarray(offset + 4, offset + 8), body);
  return checksum === bytes.readUInt32BE(offset + 8) ? { length, record: decodeBody(body) } : undefined;
}

function decodeBody(body: Buffer): QueueRecord | undefined {
  switch (body.readUInt8(0)) {
    case typeBytes.message:
      return decodeMessage(body);
    case typeBytes.removed:
      return { type: 'removed', seqs: decodeNumbers(body) };
    case typeBytes.dropped: {
      const [event = 0, telemetry = 0] = decodeNumbers(body);
      return { type: 'dropped', counts: { event, telemetry } };
    }
    default:
      return undefined;
  }
}

function decodeMessage(body: Buffer): QueueRecord | undefined {
  if (body.length < messageFixedBytes) return undefined;
  const messageClass = classes[body.readUInt8(7)];
  const topicEnd = messageFixedBytes + body.readUInt16BE(8);
  if (messageClass === undefined || topicEnd > body.length) return undefined;
  const topic = body.toString('utf8', messageFixedBytes, topicEnd);
  const payload = body.toString('utf8', topicEnd);
  return {
    type: 'message',
    seq: body.readUIntBE(1, seqBytes),
    message: { class: messageClass, topic, payload },
  };
}

function decodeNumbers(body: Buffer): number[] {
  const count = Math.floor((body.length - 1) / seqBytes);
  return Array.from({ length: count }, (_, index) => body.readUIntBE(1 + index * seqBytes, seqBytes));
}
