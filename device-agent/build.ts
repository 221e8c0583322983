import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { build as bundle, type Plugin } from 'esbuild';
import { bufferPoolBytes, launchEnvironment, launchLine, v8Flags } from './src/host/launch-line.ts';
import { thirdPartyLicences } from './third-party-licences.ts';

/**
 * Makes `dist/aovis-agent.cjs`, the whole agent in one file for Node ≥ 20, and beside it `dist/clip.h264` and the
 * licences of the libraries in it. The clip
 * stays a file of its own: boards with a camera leave it out, and no board keeps it in memory.
 *
 *     node build.ts [--version 1.4.0] [directory [program.ts]]      default: of package.json, dist, src/main.ts
 *
 * Another program, for instance a benchmark's, is bundled in the same way under its own name.
 */
const here = import.meta.dirname;
const agent = join(here, 'src/main.ts');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { version: { type: 'string' } },
});
const [dist = join(here, 'dist'), entry = agent] = positionals;
const program = join(dist, entry === agent ? 'aovis-agent.cjs' : `${parse(entry).name}.cjs`);
const manifest = JSON.parse(await readFile(join(here, 'package.json'), 'utf8')) as { version: string };
const { version = manifest.version } = values;

/** When the commit was made rather than now, for packages that anybody can make again (reproducible-builds.org). */
const { SOURCE_DATE_EPOCH: epoch } = process.env;
const builtAt = (epoch === undefined ? new Date() : new Date(Number(epoch) * 1_000)).toISOString();

/**
 * Begins the program. What concerned its own start is not handed on to the programs that it starts: encoders are quicker with what
 * glibc does by itself.
 */
const settingsInside = [
  '"use strict"',
  `require('node:v8').setFlagsFromString(${JSON.stringify(v8Flags.join(' '))})`,
  `Buffer.poolSize=${bufferPoolBytes}`,
  ...Object.keys(launchEnvironment).map((name) => `delete process.env.${name}`),
  '',
].join(';');

/** Two habits of mqtt.js that a board need not pay for; together 9 MiB. */
const smallMqtt: Plugin = {
  name: 'small-mqtt',
  setup(build) {
    // Connecting by URL, through WebSockets and SOCKS too: the agent opens its own connections.
    build.onLoad({ filter: /[\\/]mqtt[\\/]build[\\/]lib[\\/]connect[\\/]index\.js$/ }, () => ({
      contents: '',
    }));
    // A buffer made beforehand for each 16-bit number (mqtt-packet, "cacheNumbers").
    build.onLoad({ filter: /[\\/]mqtt-packet[\\/]mqtt\.js$/ }, async ({ path }) => ({
      contents: `${await readFile(path, 'utf8')}\nexports.writeToStream.cacheNumbers = false;\n`,
    }));
  },
};

const forBoards = {
  metafile: true,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  legalComments: 'none',
} as const;

/**
 * Names stay as they are written: traces of a crash on a board can be read. `keepNames` would give every function its name
 * when it is made, each time: a fourteenth of the CPU and 1 MiB.
 */
const readable = { minifyWhitespace: true, minifySyntax: true } as const;
/** What is packed is short, and read whole by who needs it. */
const short = { minify: true, keepNames: true } as const;

const inputs: string[] = [];

/**
 * WebRTC in JavaScript is half of all the code, and only some boards ever run it: it stays packed in the program until
 * the first viewer comes. Unpacked from the start it takes 9 MiB for having been read.
 */
const packedWebRtc: Plugin = {
  name: 'packed-webrtc',
  setup(build) {
    build.onResolve({ filter: /^werift$/ }, ({ path }) => ({ path, namespace: 'packed' }));
    build.onLoad({ filter: /.*/, namespace: 'packed' }, async ({ path }) => {
      const entryPoints = [fileURLToPath(import.meta.resolve(path))];
      const { outputFiles, metafile } = await bundle({ ...forBoards, ...short, entryPoints, write: false });
      inputs.push(...Object.keys(metafile.inputs));
      const packed = brotliCompressSync(outputFiles[0]?.contents ?? '').toString('base64');
      return {
        contents: `
          const code = require('node:zlib').brotliDecompressSync(Buffer.from('${packed}', 'base64'));
          const Module = require('node:module');
          const library = new Module(__filename + '#${path}');
          library._compile(code.toString(), library.id);
          module.exports = library.exports;`,
      };
    });
  },
};

const { metafile, outputFiles } = await bundle({
  ...forBoards,
  ...readable,
  entryPoints: [entry],
  write: false,
  plugins: [smallMqtt, packedWebRtc],
  // Native: used where a board has them beside the agent.
  external: ['aws-iot-device-sdk-v2', 'node-datachannel'],
  define: {
    'import.meta.dirname': '__dirname',
    AOVIS_AGENT_BUILD: JSON.stringify({ version, builtAt }),
  },
  banner: { js: `#!/usr/bin/env -S ${launchLine}\n${settingsInside}` },
});
await mkdir(dist, { recursive: true });
await place(program, outputFiles[0]?.contents ?? '', 0o755);
if (entry === agent) {
  await place(join(dist, 'clip.h264'), await readFile(join(here, 'assets/clip.h264')));
  await place(
    join(dist, 'third-party-licences.txt'),
    await thirdPartyLicences([...Object.keys(metafile.inputs), ...inputs]),
  );
}

/** As a whole: whoever starts the program while another build goes on starts the one or the other. */
async function place(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, content, { mode });
  await rename(unfinished, path);
}
