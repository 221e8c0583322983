/** What goes into a package: its place, and the rights that everybody has there. Owner is root. */
export interface PackagedFile {
  /** Absolute, without a slash at the end. */
  path: string;
  content: Buffer;
  mode: number;
}

const blockBytes = 512;
const directoryMode = 0o755;

/**
 * A tar archive in the format ustar (POSIX.1-1988), as Debian's packages hold: directories before what is in them, sorted, all
 * of root, all from the same second. The same files always make the same bytes.
 */
export function tar(files: readonly PackagedFile[], mtimeSeconds: number): Buffer {
  const directories = new Set(files.flatMap(({ path }) => parentsOf(path)));
  const entries = [
    { name: './', mode: directoryMode, content: undefined },
    ...[...directories].map((path) => ({ name: `.${path}/`, mode: directoryMode, content: undefined })),
    ...files.map(({ path, mode, content }) => ({ name: `.${path}`, mode, content })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  return Buffer.concat([
    ...entries.flatMap(({ name, mode, content }) =>
      content === undefined
        ? [header(name, mode, 0, '5', mtimeSeconds)]
        : [header(name, mode, content.length, '0', mtimeSeconds), content, padding(content.length)],
    ),
    Buffer.alloc(2 * blockBytes),
  ]);
}

/** `/usr/lib/x` → `/usr`, `/usr/lib` */
function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

const padding = (bytes: number): Buffer => Buffer.alloc((blockBytes - (bytes % blockBytes)) % blockBytes);

function header(name: string, mode: number, bytes: number, type: '0' | '5', mtimeSeconds: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error(`${name} is too long for a tar archive.`);
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, length: number): void =>
    void block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  block.write(name, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(bytes, 124, 12);
  octal(mtimeSeconds, 136, 12);
  block.write(' '.repeat(8), 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write('root', 265, 'latin1');
  block.write('root', 297, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** An archive in the common format of ar(5), as deb(5) wants it. */
export function ar(members: readonly { name: string; content: Buffer }[], mtimeSeconds: number): Buffer {
  return Buffer.concat([
    Buffer.from('!<arch>\n'),
    ...members.flatMap(({ name, content }) => [
      Buffer.from(
        name.padEnd(16) +
          String(mtimeSeconds).padEnd(12) +
          '0'.padEnd(6) +
          '0'.padEnd(6) +
          '100644'.padEnd(8) +
          String(content.length).padEnd(10) +
          '`\n',
      ),
      content,
      Buffer.from(content.length % 2 === 0 ? '' : '\n'),
    ]),
  ]);
}
