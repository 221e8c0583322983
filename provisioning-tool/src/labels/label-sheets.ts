import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import PDFDocument from 'pdfkit';
import { cutMarksOf } from './cut-marks.ts';
import { type LabelFormat, labelsPerSheet, type Place, placeOf } from './label-format.ts';
import { type LabelText, layOut } from './label-layout.ts';
import { activationLink, darkRuns, qrModules } from './qr-code.ts';

export interface SheetJob {
  format: LabelFormat;
  /** Printed at the foot of sheets that have room for it. */
  title: string;
  activationUrl: string;
  cutMarks: boolean;
  /** Draws each label's edge, to see how far the printer is off. */
  outlines: boolean;
  /** Places of the first sheet that are used up already. */
  skip: number;
  /** Moves everything to the right and down, in millimetres, when the printer is off. */
  shift: Place;
  /** Milliseconds since the epoch. */
  createdAt: number;
  signal: AbortSignal;
}

const pointsPerMillimetre = 72 / 25.4;
const footSize = 2.2;
const footGap = 2;
/** Printers leave out the last few millimetres. */
const footRoom = footGap + footSize + 4;
const hairline = 0.1;

/**
 * Writes label sheets as PDF: vector QR codes and the 14 standard fonts, a page at a time, so that 100,000 labels need
 * no more memory than a few. Ends `sink`, and resolves when it has everything.
 */
export async function writeLabelSheets(
  sink: Writable,
  job: SheetJob,
  labels: AsyncIterable<LabelText> | Iterable<LabelText>,
): Promise<{ sheets: number; labels: number }> {
  const document = new SheetDocument(sink, job);
  let first = '';
  let last = '';
  let place = job.skip;
  let count = 0;
  for await (const label of labels) {
    job.signal.throwIfAborted();
    if (place === labelsPerSheet(job.format)) {
      document.foot(first, last);
      place = 0;
    }
    if (place === 0 || count === 0) {
      await document.startSheet();
      first = label.serial;
    }
    document.label(placeOf(job.format, place), label);
    last = label.serial;
    place += 1;
    count += 1;
  }
  if (count > 0) document.foot(first, last);
  await document.end();
  return { sheets: document.sheets, labels: count };
}

class SheetDocument {
  readonly #pdf: PDFKit.PDFDocument;
  readonly #sink: Writable;
  readonly #job: SheetJob;
  readonly #broken: Promise<never>;
  sheets = 0;

  constructor(sink: Writable, job: SheetJob) {
    this.#sink = sink;
    this.#job = job;
    this.#broken = new Promise<never>((_, reject) => sink.once('error', reject));
    // Awaited below, where it matters; a sink that breaks meanwhile must not end the process.
    this.#broken.catch(() => undefined);
    const date = new Date(job.createdAt);
    this.#pdf = new PDFDocument({
      autoFirstPage: false,
      margin: 0,
      font: 'Courier',
      info: { Title: job.title, Creator: 'aovis-provision', CreationDate: date, ModDate: date },
    });
    this.#pdf.on('data', (chunk: Buffer) => sink.write(chunk));
  }

  /** Waits for the disk first: what is not written yet is in memory. */
  async startSheet(): Promise<void> {
    // The document hands its pages on in turns of their own.
    await setImmediate();
    if (this.#sink.writableNeedDrain) await Promise.race([once(this.#sink, 'drain'), this.#broken]);
    const { sheet } = this.#job.format;
    this.#pdf.addPage({
      size: [sheet.width * pointsPerMillimetre, sheet.height * pointsPerMillimetre],
      margin: 0,
    });
    // From here on everything is in millimetres, moved by what the printer is off.
    const { x, y } = this.#job.shift;
    this.#pdf.scale(pointsPerMillimetre).translate(x, y);
    this.sheets += 1;
  }

  label(place: Place, text: LabelText): void {
    const { format, activationUrl, cutMarks, outlines } = this.#job;
    const modules = qrModules(activationLink(activationUrl, text.code));
    const { qr, lines } = layOut(format.label, modules.length, text);
    const rectangles: string[] = [];
    for (const { x, y, length } of darkRuns(modules))
      rectangles.push(
        [place.x + qr.x + x * qr.module, place.y + qr.y + y * qr.module, length * qr.module, qr.module]
          .map((value) => value.toFixed(4))
          .join(' '),
      );
    // One path, filled at once: no hairs of white between rectangles that touch. As text, it is by far the fastest way.
    this.#pdf.addContent(`0 g ${rectangles.join(' re ')} re f`);
    for (const line of lines) {
      this.#pdf
        .font(line.bold ? 'Courier-Bold' : 'Courier', line.size)
        .text(line.text, place.x + line.x, place.y + line.y, { lineBreak: false });
    }
    if (cutMarks) this.#cutMarks(place);
    if (outlines)
      this.#pdf.lineWidth(hairline).rect(place.x, place.y, format.label.width, format.label.height).stroke();
  }

  #cutMarks(place: Place): void {
    this.#pdf.lineWidth(hairline);
    for (const { from, to } of cutMarksOf(place, this.#job.format))
      this.#pdf.moveTo(from.x, from.y).lineTo(to.x, to.y);
    this.#pdf.stroke();
  }

  /** Which boards a sheet is for, where nothing else can be: an operator finds the sheet without reading labels. */
  foot(first: string, last: string): void {
    const { format, title } = this.#job;
    const { margin, label, rows, gap, sheet } = format;
    const bottom = margin.top + rows * label.height + (rows - 1) * gap.y;
    if (sheet.height - bottom < footRoom) return;
    const text = `${title}, sheet ${this.sheets}: ${first}${first === last ? '' : ` to ${last}`}`;
    this.#pdf.font('Courier', footSize).text(text, margin.left, bottom + footGap, { lineBreak: false });
  }

  async end(): Promise<void> {
    const finished = once(this.#sink, 'finish');
    this.#pdf.once('end', () => this.#sink.end());
    this.#pdf.end();
    await Promise.race([finished, this.#broken]);
  }
}
