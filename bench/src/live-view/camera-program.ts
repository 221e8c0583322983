import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeNumberedClip } from './numbered-clip.ts';

export interface CameraProgram {
  /** Takes the place of ffmpeg. */
  program: string;
  /** What it notes: see `numbered-camera.ts`. */
  journal: string;
}

/** A camera of numbered pictures, as a program that the agent starts. */
export async function makeCameraProgram(directory: string): Promise<CameraProgram> {
  const clip = join(directory, 'numbered.h264');
  await makeNumberedClip(clip);
  const program = join(directory, 'camera');
  const journal = join(directory, 'captured.txt');
  const script = join(import.meta.dirname, 'numbered-camera.ts');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${script}' '${clip}' '${journal}'\n`);
  chmodSync(program, 0o700);
  return { program, journal };
}
