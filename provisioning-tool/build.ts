import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { build, type Plugin, transform } from 'esbuild';

/**
 * Makes `dist/aovis-provision.cjs`, the whole tool in one file for Node ≥ 20 that needs nothing beside it, its man page, and
 * `dist/package.json`, which makes an npm package of the folder (`npm pack ./dist`, `npm install --global ./dist`).
 *
 *     node build.ts [directory]      default: dist
 */
const here = import.meta.dirname;
const [dist = join(here, 'dist')] = process.argv.slice(2);
const program = join(dist, 'aovis-provision.cjs');
const { version, optionalDependencies } = JSON.parse(await readFile(join(here, 'package.json'), 'utf8')) as {
  version: string;
  optionalDependencies: Record<string, string>;
};

const asked = Symbol('asked');

/** pdfkit asks for its font tables by a `require` of its own, which a bundler does not see. */
const fontsIncluded: Plugin = {
  name: 'fonts-included',
  setup(bundler) {
    // The CommonJS edition: in it that `require` can be replaced by one that esbuild follows.
    bundler.onResolve({ filter: /^pdfkit$/ }, ({ path, importer, resolveDir, pluginData }) =>
      pluginData === asked
        ? undefined
        : bundler.resolve(path, { importer, resolveDir, kind: 'require-call', pluginData: asked }),
    );
    bundler.onLoad({ filter: /[\\/]pdfkit[\\/]js[\\/]pdfkit\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replaceAll("require$1('#standard-fonts/", "require('#standard-fonts/");
      if (contents === source) throw new Error(`${path} finds its fonts in another way now; look at it.`);
      return { contents };
    });
  },
};

/** The program in parts: what `import()` loads later, and what several parts share, are parts of their own. */
const { outputFiles, metafile } = await build({
  entryPoints: [join(here, 'src/main.ts')],
  outdir: dist,
  write: false,
  metafile: true,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  plugins: [fontsIncluded],
  // Native: compiled where a token is used.
  external: ['pkcs11js'],
  define: { 'import.meta.dirname': '__dirname', AOVIS_PROVISION_VERSION: JSON.stringify(version) },
});

/** What is read at every start: `main.js` and what it imports, and so on. */
const atStart = new Set<string>();
function addImports(path: string): void {
  if (atStart.has(basename(path))) return;
  atStart.add(basename(path));
  for (const { path: imported, kind } of metafile.outputs[path]?.imports ?? [])
    if (kind === 'import-statement') addImports(imported);
}
addImports(relative(process.cwd(), join(dist, 'main.js')));

const parts: Record<string, string> = {};
const packed: Record<string, string> = {};
for (const { path, text } of outputFiles) {
  const name = basename(path);
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    minify: true,
    keepNames: true,
    supported: { 'dynamic-import': false },
  });
  if (atStart.has(name)) parts[`./${name}`] = code;
  else packed[`./${name}`] = brotliCompressSync(code).toString('base64');
}

/**
 * Each part is a string until it is asked for, and packed unless it is needed at every start: V8 would read through
 * 3 MB of code each time (90 ms).
 */
const loader = `#!/usr/bin/env node
'use strict';
const { compileFunction } = require('node:vm');
const { brotliDecompressSync } = require('node:zlib');
const parts = ${JSON.stringify(parts, undefined, 1)};
const packed = ${JSON.stringify(packed, undefined, 1)};
const loaded = new Map();
function sourceOf(name) {
  return parts[name] ?? brotliDecompressSync(Buffer.from(packed[name], 'base64')).toString();
}
function load(name) {
  if (!Object.hasOwn(parts, name) && !Object.hasOwn(packed, name)) return require(name);
  let module = loaded.get(name);
  if (module === undefined) {
    module = { exports: {} };
    loaded.set(name, module);
    const names = ['exports', 'require', 'module', '__filename', '__dirname'];
    const run = compileFunction(sourceOf(name), names, { filename: __filename + name.slice(1) });
    run(module.exports, load, module, __filename, __dirname);
  }
  return module.exports;
}
load('./main.js');
`;
await mkdir(dist, { recursive: true });
await writeFile(program, loader);
await chmod(program, 0o755);

const manPage = 'aovis-provision.1';
await copyFile(join(here, 'man', manPage), join(dist, manPage));

const description = {
  name: 'aovis-provision',
  version,
  description:
    'Makes boards ready at the factory: keys, certificates, AWS IoT registration, bundles, labels.',
  license: 'UNLICENSED',
  private: true,
  engines: { node: '>=20' },
  bin: { 'aovis-provision': 'aovis-provision.cjs' },
  // A list: npm makes no link for a mere name.
  man: [`./${manPage}`],
  files: ['aovis-provision.cjs', manPage],
  optionalDependencies,
};
await writeFile(join(dist, 'package.json'), `${JSON.stringify(description, undefined, 2)}\n`);
