import { fileURLToPath } from 'node:url';
import { runProgram } from './run-program.ts';

/** The program that streams a file with the agent's streaming parts alone. */
export const streamFile = fileURLToPath(
  import.meta.resolve('@aovis/device-agent/streaming/testing/stream-file'),
);

/** 720p30, 2 Mb/s, GOP 1 s: what a board streams. */
export async function makeClip(file: string, seconds: number): Promise<void> {
  const source = `-v error -y -f lavfi -i testsrc2=size=1280x720:rate=30:duration=${seconds}`;
  const encoder = '-pix_fmt yuv420p -c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline';
  const pictures = '-g 30 -keyint_min 30 -sc_threshold 0 -bf 0 -x264-params repeat-headers=1:nal-hrd=cbr';
  const rate = '-b:v 2M -minrate 2M -maxrate 2M -bufsize 1M';
  const output = '-bsf:v h264_metadata=aud=insert -f h264';
  await runProgram('ffmpeg', [...[source, encoder, pictures, rate, output].join(' ').split(' '), file]);
}
