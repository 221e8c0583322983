import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { ar, type PackagedFile, tar } from './archive.ts';

/** Debian's names of what boards are. */
export const architectures = ['amd64', 'arm64', 'armhf'] as const;
export type Architecture = (typeof architectures)[number];

export interface DebOptions {
  name: string;
  version: string;
  architecture: Architecture;
  depends: readonly string[];
  recommends: readonly string[];
  maintainer: string;
  /** One line, then what stands below it. */
  description: readonly [summary: string, ...rest: string[]];
  files: readonly PackagedFile[];
  /** Paths among them that an update leaves as the administrator changed them. */
  configuration: readonly string[];
  /** `postinst`, `prerm`, `postrm`. */
  scripts: Readonly<Record<string, Buffer>>;
  mtimeSeconds: number;
}

/** A binary package (deb(5), Debian Policy 5.3), made without Debian's tools; the same options always make the same bytes. */
export function deb(options: DebOptions): Buffer {
  const { files, scripts, configuration, mtimeSeconds } = options;
  const text = (name: string, content: string): PackagedFile => ({
    path: `/${name}`,
    content: Buffer.from(content),
    mode: 0o644,
  });
  // Without configuration files, as Debian's dh_md5sums leaves them out: who changes a setting has damaged nothing.
  const sums = files
    .filter(({ path }) => !configuration.includes(path))
    .map(({ path, content }) => `${md5(content)}  ${path.slice(1)}\n`);
  const control = [
    text('control', controlFile(options)),
    text('md5sums', sums.join('')),
    text('conffiles', configuration.map((path) => `${path}\n`).join('')),
    ...Object.entries(scripts).map(([name, content]) => ({ path: `/${name}`, content, mode: 0o755 })),
  ];
  return ar(
    [
      { name: 'debian-binary', content: Buffer.from('2.0\n') },
      { name: 'control.tar.gz', content: gzip(tar(control, mtimeSeconds)) },
      { name: 'data.tar.gz', content: gzip(tar(files, mtimeSeconds)) },
    ],
    mtimeSeconds,
  );
}

function controlFile(options: DebOptions): string {
  const [summary, ...rest] = options.description;
  const bytes = options.files.reduce((total, { content }) => total + content.length, 0);
  return [
    `Package: ${options.name}`,
    `Version: ${options.version}`,
    `Architecture: ${options.architecture}`,
    `Maintainer: ${options.maintainer}`,
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    `Depends: ${options.depends.join(', ')}`,
    `Recommends: ${options.recommends.join(', ')}`,
    'Section: net',
    'Priority: optional',
    `Description: ${summary}`,
    ...rest.map((line) => ` ${line}`),
    '',
  ].join('\n');
}

/** Debian Policy asks for MD5 here; it guards against accidents only. */
const md5 = (content: Buffer): string => createHash('md5').update(content).digest('hex');

/** Where the archive was made (RFC 1952, OS) is nobody's business, and would make it differ. */
function gzip(content: Buffer): Buffer {
  const packed = gzipSync(content, { level: 9 });
  packed[9] = 0xff;
  return packed;
}
