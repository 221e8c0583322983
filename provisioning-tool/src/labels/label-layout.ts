import { Refusal } from '../refusal.ts';

/** What is printed on one label. */
export interface LabelText {
  /** `aovis-n4k-000123`: what the app asks for beside the code. */
  deviceId: string;
  /** With a letter behind it when the code was issued anew. */
  serial: string;
  /** `XXXXXX-XXXXXX-XXXXXX`. */
  code: string;
}

export interface TextLine {
  text: string;
  bold: boolean;
  /** Millimetres from the label's left and top edge to the line's top. */
  x: number;
  y: number;
  /** Height of the type, in millimetres. */
  size: number;
}

export interface LabelLayout {
  qr: {
    /** Millimetres from the label's left and top edge to the first dark or light module, beyond the quiet zone. */
    x: number;
    y: number;
    /** Side of one module. */
    module: number;
  };
  lines: TextLine[];
}

/** Light border that a QR code needs, in modules (ISO/IEC 18004:2024 §5.3.8). */
const quietModules = 4;
/** Smaller ones are lost on a 300 dpi thermal printer (3 dots) and to phone cameras. */
const smallestModule = 0.25;
/** Larger ones only take the room of the text. */
const largestModule = 0.6;
const smallestType = 1.6;
/** Of device id and serial, which the code beside them makes readable enough: only long names come down to it. */
const smallestCaption = 1.2;
const largestType = 4;
const padding = 1.2;
/** Every glyph of Courier is 0.6 em wide. */
const glyphWidth = 0.6;
const leading = 1.15;
/** Caption and serial are smaller than the code, which people must type. */
const captionRatio = 0.72;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * Lays a label out: the QR code as large as useful, the text beside it or below it, whichever lets the code be larger.
 * Refuses a label on which either would be too small to read.
 */
export function layOut(
  label: { width: number; height: number },
  modules: number,
  text: LabelText,
): LabelLayout {
  const layouts = [beside(label, modules, text), below(label, modules, text)].filter(
    (layout) => layout !== undefined,
  );
  const [best] = layouts.sort((a, b) => codeSizeOf(b) - codeSizeOf(a));
  if (best) return best;
  throw new Refusal(
    'usage',
    `A label of ${label.width} × ${label.height} mm is too small for a QR code of ${modules} × ${modules} modules with ` +
      `its code in readable letters; take a larger format${modules > 29 ? ' or a shorter activation_url' : ''}.`,
  );
}

function codeSizeOf({ lines }: LabelLayout): number {
  return lines.at(-1)?.size ?? 0;
}

function beside(
  label: { width: number; height: number },
  modules: number,
  text: LabelText,
): LabelLayout | undefined {
  const module = moduleFor(modules, label.height, label.width * 0.6);
  if (module === undefined) return undefined;
  const side = (modules + 2 * quietModules) * module;
  const box = {
    x: side,
    y: padding,
    width: label.width - side - padding,
    height: label.height - 2 * padding,
  };
  const lines = setText(text, box, 'left');
  return lines && { qr: qrAt(0, (label.height - side) / 2, module), lines };
}

function below(
  label: { width: number; height: number },
  modules: number,
  text: LabelText,
): LabelLayout | undefined {
  const module = moduleFor(modules, label.width, label.height * 0.65);
  if (module === undefined) return undefined;
  const side = (modules + 2 * quietModules) * module;
  const box = {
    x: padding,
    y: side,
    width: label.width - 2 * padding,
    height: label.height - side - padding,
  };
  const lines = setText(text, box, 'centre');
  return lines && { qr: qrAt((label.width - side) / 2, 0, module), lines };
}

function moduleFor(modules: number, ...room: number[]): number | undefined {
  const module = Math.min(largestModule, Math.min(...room) / (modules + 2 * quietModules));
  return module < smallestModule ? undefined : module;
}

function qrAt(x: number, y: number, module: number): LabelLayout['qr'] {
  return { x: x + quietModules * module, y: y + quietModules * module, module };
}

/** Device id, serial, and the code in one line or three, whichever can be larger. */
function setText(text: LabelText, box: Box, align: 'left' | 'centre'): TextLine[] | undefined {
  const groups = text.code.split('-');
  const broken = groups.map((group, index) => (index < groups.length - 1 ? `${group}-` : group));
  const [one, three] = [fit(text, [text.code], box), fit(text, broken, box)];
  const [codes, size] = three > one ? [broken, three] : [[text.code], one];
  if (size < smallestType) return undefined;
  const rows = [
    { text: text.deviceId, bold: false, size: widthLimited(text.deviceId, size * captionRatio, box) },
    { text: text.serial, bold: true, size: widthLimited(text.serial, size * captionRatio, box) },
    ...codes.map((code) => ({ text: code, bold: true, size })),
  ];
  const height = rows.reduce((sum, row) => sum + row.size * leading, 0);
  // Type of the largest size that fits fills the box exactly, up to rounding.
  if (height > box.height + 0.001) return undefined;
  let y = box.y + (box.height - height) / 2;
  return rows.map((row) => {
    const slack = align === 'centre' ? (box.width - widthOf(row.text, row.size)) / 2 : 0;
    const line = { ...row, x: box.x + slack, y };
    y += row.size * leading;
    return line;
  });
}

/** The largest size of the code at which all lines have room. */
function fit(text: LabelText, codes: string[], box: Box): number {
  const longest = Math.max(...codes.map((code) => code.length));
  const captions = Math.max(text.serial.length, text.deviceId.length);
  return Math.min(
    largestType,
    box.width / (longest * glyphWidth),
    // Captions may shrink, but not below what can be read.
    captions * glyphWidth * smallestCaption > box.width ? 0 : Number.POSITIVE_INFINITY,
    box.height / ((codes.length + 2 * captionRatio) * leading),
  );
}

function widthLimited(text: string, size: number, box: Box): number {
  return Math.min(Math.max(size, smallestType), box.width / (Math.max(1, text.length) * glyphWidth));
}

function widthOf(text: string, size: number): number {
  return text.length * glyphWidth * size;
}
