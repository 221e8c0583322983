import { runProgram } from '../run-program.ts';

/** A picture's number is written into it, one bit a block, in a row of blocks at its top. */
export const numberBits = 10;
export const block = { width: 100, height: 60, left: 40, top: 20 } as const;
export const clipFps = 30;
/** Then it begins anew; its numbers fit the bits. */
export const clipFrames = 600;

/** 720p30, 2 Mb/s, a keyframe a second, as P6 streams, with numbered pictures. */
export async function makeNumberedClip(file: string): Promise<void> {
  const seconds = clipFrames / clipFps;
  const pattern = `testsrc2=size=1280x720:rate=${clipFps}:duration=${seconds}`;
  const bits = `color=black:size=${numberBits}x1:rate=${clipFps}:duration=${seconds},format=gray,geq=lum='255*bitand(1,floor(N/pow(2,X)))'`;
  const row = `${bits},scale=${numberBits * block.width}:${block.height}:flags=neighbor[row]`;
  const graph = `${pattern}[pattern];${row};[pattern][row]overlay=${block.left}:${block.top}`;
  const encoder = '-pix_fmt yuv420p -c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline';
  const pictures = '-g 30 -keyint_min 30 -sc_threshold 0 -bf 0 -x264-params repeat-headers=1';
  const rate = '-b:v 2M -maxrate 2M -bufsize 1M';
  const output = '-bsf:v h264_metadata=aud=insert -f h264';
  const options = [encoder, pictures, rate, output].join(' ').split(' ');
  await runProgram('ffmpeg', ['-v', 'error', '-y', '-filter_complex', graph, ...options, file]);
}
