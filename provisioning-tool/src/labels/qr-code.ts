import { encodeQR } from 'qr';

/** Dark modules, by row; without the quiet zone. */
export type Modules = readonly (readonly boolean[])[];

/**
 * What a label's QR code says. The code is in the fragment, which a browser keeps to itself: it gets into no server's
 * log when somebody opens it with the camera of a phone.
 */
export function activationLink(activationUrl: string, code: string): string {
  return `${activationUrl.replace(/\/+$/, '')}/a#${code.replaceAll('-', '')}`;
}

/** Error correction M: up to 15 % of a label may be scratched. */
export function qrModules(text: string): Modules {
  const bordered = encodeQR(text, 'raw', { ecc: 'medium', border: 1 });
  return bordered.slice(1, -1).map((row) => row.slice(1, -1));
}

/** Dark stretches of each row: fewer rectangles to print than modules. */
export function* darkRuns(modules: Modules): Generator<{ x: number; y: number; length: number }> {
  for (const [y, row] of modules.entries()) {
    for (let x = 0; x < row.length; x++) {
      const start = x;
      while (row[x]) x++;
      if (x > start) yield { x: start, y, length: x - start };
    }
  }
}
