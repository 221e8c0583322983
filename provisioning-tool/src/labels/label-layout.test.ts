import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Refusal } from '../refusal.ts';
import { presets } from './label-format.ts';
import { type LabelLayout, type LabelText, layOut } from './label-layout.ts';
import { activationLink, darkRuns, qrModules } from './qr-code.ts';

const text: LabelText = { deviceId: 'aovis-n4k-000123', serial: 'N4K-000123', code: '7Q2MZX-0B4KDP-93RTFW' };

interface Size {
  width: number;
  height: number;
}

/** What of a layout is not inside its label, or lies over something else. */
function faultsOf(size: Size, modules: number, layout: LabelLayout): string[] {
  const faults: string[] = [];
  const { x, y, module } = layout.qr;
  const quiet = 4 * module;
  const box = {
    left: x - quiet,
    top: y - quiet,
    right: x + modules * module + quiet,
    bottom: y + modules * module + quiet,
  };
  const slack = 0.001;
  if (
    box.left < -slack ||
    box.top < -slack ||
    box.right > size.width + slack ||
    box.bottom > size.height + slack
  )
    faults.push('QR code beyond the label');
  if (module < 0.25) faults.push('modules too small');
  for (const [index, line] of layout.lines.entries()) {
    const right = line.x + line.text.length * 0.6 * line.size;
    if (line.x < 0 || line.y < 0 || right > size.width || line.y + line.size > size.height + slack)
      faults.push(`«${line.text}» beyond the label`);
    const clear = line.x >= box.right - slack || line.y >= box.bottom - slack;
    if (!clear) faults.push(`«${line.text}» in the quiet zone`);
    const next = layout.lines[index + 1];
    if (next && next.y < line.y + line.size - slack) faults.push(`«${line.text}» over the next line`);
    if (line.size < 1.2) faults.push(`«${line.text}» too small`);
  }
  return faults;
}

describe('the layout of a label', () => {
  it('has room for everything in every preset, with short and long addresses', () => {
    for (const [name, { label }] of Object.entries(presets))
      for (const modules of [25, 29, 33, 37])
        for (const model of ['n4k', 'longname']) {
          const longest = {
            ...text,
            deviceId: `aovis-${model}-000123`,
            serial: `${model.toUpperCase()}-000123 B`,
          };
          expect([name, faultsOf(label, modules, layOut(label, modules, longest))]).toEqual([name, []]);
        }
  });

  it('of any size is right, or refused with a sentence', () => {
    let refused = 0;
    let laidOut = 0;
    fc.assert(
      fc.property(
        fc.double({ min: 5, max: 120, noNaN: true }),
        fc.double({ min: 5, max: 120, noNaN: true }),
        fc.constantFrom(25, 29, 33, 37, 41),
        fc.stringMatching(/^[A-Z0-9]{2,8}-\d{6}$/),
        (width, height, modules, serial) => {
          try {
            const layout = layOut({ width, height }, modules, {
              ...text,
              serial: `${serial} B`,
              deviceId: `aovis-${serial.toLowerCase()}`,
            });
            laidOut += 1;
            expect(faultsOf({ width, height }, modules, layout)).toEqual([]);
            expect(layout.lines.at(-1)?.text.endsWith('93RTFW')).toBe(true);
          } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            refused += 1;
            expect(error.message).toContain('take a larger format');
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(Math.min(refused, laidOut)).toBeGreaterThan(20);
  });

  it('prints the code in one line where that is larger, else in three', () => {
    const lines = (size: Size) => layOut(size, 29, text).lines.map((line) => line.text);
    expect(lines({ width: 110, height: 22 })).toEqual([
      'aovis-n4k-000123',
      'N4K-000123',
      '7Q2MZX-0B4KDP-93RTFW',
    ]);
    expect(lines({ width: 40, height: 20 }).slice(2)).toEqual(['7Q2MZX-', '0B4KDP-', '93RTFW']);
  });
});

describe('the QR code of a label', () => {
  it('keeps the code out of servers’ logs: it is in the fragment', () => {
    for (const url of ['https://app.example.com', 'https://app.example.com/'])
      expect(activationLink(url, text.code)).toBe('https://app.example.com/a#7Q2MZX0B4KDP93RTFW');
    expect(new URL(activationLink('https://app.example.com', text.code)).pathname).toBe('/a');
  });

  it('has its finder patterns in three corners, and runs that make up its dark modules', () => {
    const modules = qrModules(activationLink('https://app.example.com', text.code));
    expect(modules).toHaveLength(33);
    const finder = ['1111111', '1000001', '1011101', '1011101', '1011101', '1000001', '1111111'];
    const corner = (x: number, y: number) =>
      modules.slice(y, y + 7).map((row) =>
        row
          .slice(x, x + 7)
          .map(Number)
          .join(''),
      );
    expect(corner(0, 0)).toEqual(finder);
    expect(corner(26, 0)).toEqual(finder);
    expect(corner(0, 26)).toEqual(finder);
    const drawn = modules.map((row) => row.map(() => false));
    for (const { x, y, length } of darkRuns(modules)) drawn[y]?.fill(true, x, x + length);
    expect(drawn).toEqual(modules);
  });
});
