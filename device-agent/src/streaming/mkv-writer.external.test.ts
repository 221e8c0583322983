import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Fragment } from './fragment.ts';
import { Fragmenter } from './fragmenter.ts';
import { endOfFragment } from './mkv-writer.ts';
import { clipPictures } from './testing/pictures.ts';

const directory = mkdtempSync(join(tmpdir(), 'mkv-'));
const file = join(directory, 'stream.mkv');
afterAll(() => rmSync(directory, { recursive: true }));

/** The body of one PutMedia connection that carries the whole clip, with a tag on each fragment. */
beforeAll(() => {
  const fragments: Fragment[] = [];
  const fragmenter = new Fragmenter({
    randomBytes,
    onFragment: (fragment) => fragments.push(fragment),
    tagsOf: () => [{ name: 'scene', value: 'day' }],
  });
  for (const [index, picture] of clipPictures().entries())
    fragmenter.push({ ...picture, timestampMs: 1_700_000_000_000 + (index * 1_000) / 15 });
  const header = fragments[0]?.segment.header ?? Buffer.alloc(0);
  writeFileSync(file, Buffer.concat([header, ...fragments.flatMap(({ chunks }) => chunks), endOfFragment()]));
});

const run = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' });

it('is read by mkvinfo', () => {
  const lines = run('mkvinfo', '--all', file);
  expect(lines).toContain('Document type: matroska');
  expect(lines).toContain('Codec ID: V_MPEG4/ISO/AVC');
  expect(lines.match(/Simple block: key/g)).toHaveLength(8);
  expect(lines.match(/\|\+ Cluster/g)).toHaveLength(8);
  expect(lines).toContain('AWS_KINESISVIDEO_END_OF_FRAGMENT');
});

it('is decoded by ffmpeg without a complaint', () => {
  const frames = run(
    'ffprobe',
    '-v',
    'error',
    '-count_frames',
    '-show_entries',
    'stream=codec_name,profile,width,height,nb_read_frames,start_pts',
    '-of',
    'json',
    file,
  );
  expect(JSON.parse(frames)).toMatchObject({
    streams: [
      {
        codec_name: 'h264',
        profile: 'Constrained Baseline',
        width: 1280,
        height: 720,
        nb_read_frames: '120',
        start_pts: 1_700_000_000_000,
      },
    ],
  });
  expect(run('ffmpeg', '-v', 'warning', '-xerror', '-i', file, '-f', 'null', '-')).toBe('');
});
