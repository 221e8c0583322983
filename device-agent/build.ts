import { chmod, copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * Makes `dist/aovis-agent.cjs`, the whole agent in one file for Node ≥ 20, and `dist/clip.h264` beside it. The clip
 * stays a file of its own: boards with a camera leave it out, and no board keeps it in memory.
 */
const here = import.meta.dirname;
/** `node build.ts [directory]`; default `dist`. */
const dist = process.argv[2] ?? join(here, 'dist');
const program = join(dist, 'aovis-agent.cjs');
const { version } = JSON.parse(await readFile(join(here, 'package.json'), 'utf8')) as { version: string };

await build({
  entryPoints: [join(here, 'src/main.ts')],
  outfile: program,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  define: {
    'import.meta.dirname': '__dirname',
    AOVIS_AGENT_BUILD: JSON.stringify({ version, builtAt: new Date().toISOString() }),
  },
  // A small young generation: the agent makes little garbage, and 14 MiB matter on a board.
  banner: { js: '#!/usr/bin/env -S node --max-semi-space-size=1' },
});
await chmod(program, 0o755);
await copyFile(join(here, 'assets/clip.h264'), join(dist, 'clip.h264'));
