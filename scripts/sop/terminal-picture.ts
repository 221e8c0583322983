/** One piece of a terminal session: a command as typed, or what the program said. */
export interface Piece {
  kind: 'command' | 'stdout' | 'stderr';
  text: string;
}

const columns = 112;
const fontSize = 13;
const charWidth = 7.83;
const lineHeight = 18;
const padding = 16;
const colours = { command: '#8ae234', stdout: '#eeeeec', stderr: '#fcd97d' } as const;

/** A terminal session as SVG: text that stays text, a few kilobytes. */
export function terminalPicture(title: string, pieces: readonly Piece[]): string {
  const lines = pieces.flatMap(({ kind, text }) =>
    text
      .replace(/\n$/, '')
      .split('\n')
      .flatMap((line) => wrap(kind === 'command' ? `$ ${line}` : line))
      .map((line) => ({ line, colour: colours[kind] })),
  );
  const width = Math.ceil(columns * charWidth + 2 * padding);
  const top = 34;
  const height = top + lines.length * lineHeight + padding;
  const texts = lines.map(
    ({ line, colour }, index) =>
      `  <text x="${padding}" y="${top + (index + 1) * lineHeight - 4}" fill="${colour}">${escape(line)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="${fontSize}">
  <title>${escape(title)}</title>
  <rect width="${width}" height="${height}" rx="8" fill="#22272e"/>
  <circle cx="18" cy="16" r="5" fill="#e0605e"/><circle cx="36" cy="16" r="5" fill="#e0b04a"/><circle cx="54" cy="16" r="5" fill="#63b563"/>
${texts.join('\n')}
</svg>
`;
}

/** As a terminal does: at the last column, wherever that is. */
function wrap(line: string): string[] {
  if (line.length <= columns) return [line];
  return [line.slice(0, columns), ...wrap(line.slice(columns))];
}

/** Spaces must not collapse, whatever shows the picture. */
function escape(text: string): string {
  return text
    .replaceAll(' ', '\u00a0')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
