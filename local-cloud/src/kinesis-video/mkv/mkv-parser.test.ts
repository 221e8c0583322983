import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeMkv } from '../testing/sample.ts';
import { element, elementHeader, id, text, uint } from './ebml.ts';
import { IngestError } from './ingest-error.ts';
import { type MkvBlock, type MkvListener, MkvParser } from './mkv-parser.ts';

interface Heard extends MkvListener {
  events: string[];
  blocks: MkvBlock[];
}

function listen(): Heard {
  const events: string[] = [];
  const blocks: MkvBlock[] = [];
  return {
    events,
    blocks,
    header: ({ tracks }) => void events.push(`header ${tracks.map(({ codecId }) => codecId).join(' ')}`),
    fragmentStart: (timecode) => void events.push(`start ${timecode}`),
    block: (block) => {
      blocks.push(block);
      events.push(`block ${block.track} ${block.relativeTimecode}${block.keyframe ? ' key' : ''}`);
    },
    fragmentEnd: () => void events.push('end'),
    tags: (tags) => void events.push(`tags ${tags.map(({ name, value }) => `${name}=${value}`).join(' ')}`),
  };
}

function parse(chunks: readonly Uint8Array[]): Heard {
  const heard = listen();
  const parser = new MkvParser(heard);
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return heard;
}

const track = element(
  id.trackEntry,
  uint(id.trackNumber, 1),
  uint(id.trackType, 1),
  text(id.codecId, 'V_MPEG4/ISO/AVC'),
);
const block = (relative: number, flags = 0x80): Buffer =>
  element(id.simpleBlock, Buffer.from([0x81, 0, relative, flags, 1, 2, 3]));

it('reads a stream of unknown sizes that another muxer wrote, in any division into chunks', async () => {
  const mkv = await makeMkv({ startMs: 1_700_000_000_000, seconds: 2, audio: true });
  const whole = parse([mkv]);
  expect(whole.events[0]).toBe('header V_MPEG4/ISO/AVC A_AAC');
  expect(whole.events.filter((event) => event.startsWith('start'))).toHaveLength(2);
  expect(whole.events[1]).toBe('start 1700000000000');
  expect(whole.blocks.filter(({ track: number }) => number === 1)).toHaveLength(30);
  expect(parse([...mkv].map((byte) => Buffer.from([byte]))).events).toEqual(whole.events);
});

it('reads known sizes, block groups, voids, checksums and tags', () => {
  const group = (...more: Buffer[]): Buffer =>
    element(id.blockGroup, element(id.block, Buffer.from([0x81, 0, 5, 0, 9])), ...more);
  const body = element(
    id.segment,
    element(id.crc32, Buffer.alloc(4)),
    element(id.void, Buffer.alloc(300)),
    element(id.tracks, track),
    element(id.tags, element(id.tag, element(id.simpleTag, text(id.tagName, 'a'), text(id.tagString, 'b')))),
    element(id.cluster, uint(id.timecode, 10), uint(id.position, 0), block(0), group()),
    element(id.cluster, uint(id.timecode, 20), group(element(id.referenceBlock, Buffer.from([0xff])))),
    element(id.cues, Buffer.alloc(20)),
  );
  expect(parse([element(id.ebml, text(id.docType, 'matroska')), body]).events).toEqual([
    'header V_MPEG4/ISO/AVC',
    'tags a=b',
    'start 10',
    'block 1 0 key',
    'block 1 5 key',
    'end',
    'start 20',
    'block 1 5',
    'end',
  ]);
});

it('tells the end of a cluster at the head of the next element, before its content', () => {
  const heard = listen();
  const parser = new MkvParser(heard);
  parser.push(element(id.ebml, text(id.docType, 'matroska')));
  parser.push(
    Buffer.concat([elementHeader(id.segment), element(id.tracks, track), elementHeader(id.cluster)]),
  );
  parser.push(Buffer.concat([uint(id.timecode, 1), block(0)]));
  expect(heard.events.at(-1)).toBe('block 1 0 key');
  parser.push(elementHeader(id.cluster));
  expect(heard.events.at(-1)).toBe('end');
});

it('refuses lacing, whose frames have no times of their own', () => {
  const body = [
    elementHeader(id.segment),
    element(id.tracks, track),
    elementHeader(id.cluster),
    uint(id.timecode, 1),
  ];
  expect(() => parse([element(id.ebml), ...body, block(0, 0x86)])).toThrow(IngestError);
});

/** Whatever comes: it is read, or refused as a producer's mistake, in bounded time. */
function survives(chunks: readonly Uint8Array[]): void {
  try {
    parse(chunks);
  } catch (error) {
    expect(error).toBeInstanceOf(IngestError);
  }
}

it('survives random bytes', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), survives), {
    numRuns: 500,
  });
});

it('survives random bytes behind a good head', () => {
  const head = Buffer.concat([element(id.ebml), elementHeader(id.segment), element(id.tracks, track)]);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) =>
      survives([head, elementHeader(id.cluster), uint(id.timecode, 1), ...chunks]),
    ),
    { numRuns: 500 },
  );
});

it('survives a real stream with bytes changed, cut and doubled', async () => {
  const mkv = await makeMkv({ startMs: 0, seconds: 1 });
  const spot = fc.nat({ max: mkv.length - 1 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.oneof(fc.nat({ max: 400 }), spot), fc.nat({ max: 255 })), { maxLength: 8 }),
      spot,
      spot,
      (changes, cut, from) => {
        const changed = Buffer.from(mkv);
        for (const [at, value] of changes) changed[at] = value;
        survives([changed]);
        survives([changed.subarray(0, cut), changed.subarray(from)]);
      },
    ),
    { numRuns: 300 },
  );
});
