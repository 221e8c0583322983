/** What a test server sees of a PutMedia body: enough of EBML (RFC 8794) to tell fragments, and nothing of the writer's. */
export type MatroskaEvent =
  | { kind: 'segment' }
  | { kind: 'cluster'; timecodeMs: number }
  | { kind: 'block'; track: number; relativeMs: number; keyframe: boolean; payload: Buffer }
  | { kind: 'tags'; names: string[] };

const ids = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  cluster: 0x1f43b675,
  timecode: 0xe7,
  simpleBlock: 0xa3,
  tags: 0x1254c367,
} as const;

/** Incremental: `push` gives what the bytes so far complete. Throws for what is no Matroska. */
export class MatroskaReader {
  #pending: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): MatroskaEvent[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const events: MatroskaEvent[] = [];
    for (let element = this.#next(); element !== undefined; element = this.#next()) {
      const event = eventOf(element);
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  #next(): { id: number; data: Buffer } | undefined {
    const bytes = this.#pending;
    const idLength = lengthOfVint(bytes[0]);
    const sizeLength = idLength === undefined ? undefined : lengthOfVint(bytes[idLength]);
    if (idLength === undefined || sizeLength === undefined) return undefined;
    const begin = idLength + sizeLength;
    if (bytes.length < begin) return undefined;
    const id = bytes.readUIntBE(0, idLength);
    const size = readSize(bytes.subarray(idLength, begin));
    // Segment and Cluster are entered, their end is not known.
    const end = id === ids.segment || id === ids.cluster ? begin : begin + (size ?? 0);
    if (bytes.length < end) return undefined;
    this.#pending = bytes.subarray(end);
    return { id, data: bytes.subarray(begin, end) };
  }
}

function eventOf({ id, data }: { id: number; data: Buffer }): MatroskaEvent | undefined {
  if (id === ids.segment) return { kind: 'segment' };
  if (id === ids.timecode) return { kind: 'cluster', timecodeMs: Number(`0x${data.toString('hex')}`) };
  if (id === ids.tags) return { kind: 'tags', names: tagNames(data) };
  if (id !== ids.simpleBlock) return undefined;
  return {
    kind: 'block',
    track: (data[0] ?? 0) & 0x7f,
    relativeMs: data.readInt16BE(1),
    keyframe: ((data[3] ?? 0) & 0x80) !== 0,
    payload: data.subarray(4),
  };
}

function tagNames(data: Buffer): string[] {
  const names: string[] = [];
  for (let at = data.indexOf('45a3', 0, 'hex'); at !== -1; at = data.indexOf('45a3', at + 2, 'hex')) {
    const size = (data[at + 2] ?? 0x80) & 0x7f;
    names.push(data.toString('utf8', at + 3, at + 3 + size));
  }
  return names;
}

/** 1 to 8, from the leading zeros of the first byte; undefined without a byte. */
function lengthOfVint(first: number | undefined): number | undefined {
  if (first === undefined) return undefined;
  const length = Math.clz32(first) - 23;
  if (length > 8) throw new Error('This is no Matroska.');
  return length;
}

/** Undefined: unknown size. */
function readSize(bytes: Buffer): number | undefined {
  let value = (bytes[0] ?? 0) & (0xff >> bytes.length);
  let ones = value === 0xff >> bytes.length;
  for (const byte of bytes.subarray(1)) {
    value = value * 256 + byte;
    ones &&= byte === 0xff;
  }
  return ones ? undefined : value;
}
