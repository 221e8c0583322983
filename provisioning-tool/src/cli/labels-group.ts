import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SheetFlags } from '../commands/labels-print-command.ts';
import { collect, type Define, type Flags, textOf } from './command-spec.ts';

const sheetSettings = ['activation_url', 'label_format'] as const;

export function addLabelsCommands(program: Command, define: Define): void {
  const labels = program.command('labels').description('Labels: print, print again, scan back.');
  addPrint(labels, define);
  addCheck(labels, define);
  addLedger(labels, define);
  addSample(labels, define);
  addFormats(labels, define);
}

function addPrint(labels: Command, define: Define): void {
  const command = define(
    labels,
    {
      name: 'print',
      summary: 'Make label sheets of a batch as PDF.',
      teaches:
        'Each label has a QR code that opens the app, the device id, the serial and the activation code. Whoever has the\n' +
        'code has the camera: print where nobody else is, remove the file afterwards, destroy what is spoilt. Every print is in\n' +
        'the ledger; a label that was printed before is printed again only with a reason, and after the first one was\n' +
        'destroyed. Labels of boards that are not finished are left out.',
      examples: [
        {
          line: 'aovis-provision labels print boards --activation-url https://app.example.com',
          does: 'all labels of the batch, into batches/boards/sheets',
        },
        {
          line: 'aovis-provision labels print boards --label-format roll-40x20 --out - | lp -d label-printer',
          does: 'straight to the printer, so that no file with codes is left',
        },
        {
          line: "aovis-provision labels print boards --serial N4K-000123 --reason 'torn when applied'",
          does: 'one label again',
        },
        {
          line: 'aovis-provision labels print boards --only-new --skip 7 --dry-run',
          does: 'says what would be printed on a sheet whose first seven labels are used up',
        },
      ],
      changes: true,
      settings: sheetSettings,
    },
    async (context, flags, [batchId]) => {
      const { labelsPrint } = await import('../commands/labels-print-command.ts');
      await labelsPrint(context, {
        ...sheetFlagsOf(flags),
        batchId: batchId ?? '',
        serials: Array.isArray(flags['serial']) ? flags['serial'] : [],
        onlyNew: flags['onlyNew'] === true,
        reason: textOf(flags, 'reason'),
      });
    },
  )
    .argument('<batch>', 'name of the batch')
    .option(
      '--serial <board>',
      'Only this board, by serial or device id; may be given several times.',
      collect,
    )
    .option('--only-new', 'Leave out labels that were printed before.')
    .option('--reason <text>', 'Why labels are printed again; needed for that, and kept in the audit log.');
  addSheetOptions(command, 'File to write; - is standard output. Default: a new file in the batch’s folder.');
}

function addCheck(labels: Command, define: Define): void {
  define(
    labels,
    {
      name: 'check',
      summary: 'Scan labels back: whose is it, and does it belong here?',
      teaches:
        'Reads the link of a QR code or a typed code, tolerantly (case, spaces, hyphens, O for 0, I and L for 1), and says\n' +
        'whose label it is; of a code with one wrong symbol, which one. Works by the digests in the journal, so the codes\n' +
        'need not be here any more. The code is not shown and not kept. Without a scan it reads lines of standard input,\n' +
        'where a scanner types; prefer that, because a shell remembers arguments. With --all, which labels were right is kept\n' +
        'in the audit log, until --restart; one that is printed again must be scanned again. An empty line at once only says\n' +
        'which are missing. Ends with 7 if a label is not right, with 4 if some are missing.',
      examples: [
        { line: 'aovis-provision labels check --batch boards', does: 'one label after the other' },
        {
          line: 'aovis-provision labels check --batch boards --all',
          does: 'the same, and says at the end which labels were not scanned; after a break, run it again and go on with those',
        },
        {
          line: 'aovis-provision labels check --serial N4K-000123',
          does: 'whether the label belongs on this very board',
        },
      ],
      changes: false,
      settings: ['activation_url'],
    },
    async (context, flags, [scan]) => {
      const { labelsCheck } = await import('../commands/labels-check-command.ts');
      await labelsCheck(context, {
        scan,
        batchId: textOf(flags, 'batch'),
        serial: textOf(flags, 'serial'),
        all: flags['all'] === true,
        restart: flags['restart'] === true,
      });
    },
  )
    .argument('[scan]', 'what was scanned or typed; - or nothing: lines of standard input')
    .option('--batch <name>', 'The label must be of this batch.')
    .option('--serial <board>', 'The label must be of this board (serial or device id).')
    .option('--all', 'Every label of the batch must be among the scans, of this session or earlier ones.')
    .option('--restart', 'With --all: earlier sessions do not count any more.');
}

function addLedger(labels: Command, define: Define): void {
  define(
    labels,
    {
      name: 'ledger',
      summary: 'Show which labels were printed, and which again and why.',
      teaches:
        'From the lines of the audit log, whose chain is checked while it is read. A code that was issued anew makes a new\n' +
        'label, which counts from its own first print.',
      examples: [
        { line: 'aovis-provision labels ledger boards', does: 'how many were printed, and each reprint' },
        {
          line: 'aovis-provision labels ledger boards --serial N4K-000123',
          does: 'every print of one label: when, by whom, why',
        },
      ],
      changes: false,
    },
    async (context, flags, [batchId]) => {
      const { labelsLedger } = await import('../commands/labels-commands.ts');
      await labelsLedger(context, { batchId: batchId ?? '', serial: textOf(flags, 'serial') });
    },
  )
    .argument('<batch>', 'name of the batch')
    .option('--serial <board>', 'Only this board (serial or device id), with all its prints.');
}

function addSample(labels: Command, define: Define): void {
  const command = define(
    labels,
    {
      name: 'sample',
      summary: 'Make a sheet with invented codes, to set up a printer.',
      teaches:
        'The edges of the labels are drawn on it. Print it on plain paper at 100 %, hold it against your labels, and mend\n' +
        'what is off with --shift. Nothing on it is worth anything.',
      examples: [
        {
          line: 'aovis-provision labels sample --label-format a4-65 --activation-url https://app.example.com',
          does: 'writes labels-a4-65.pdf',
        },
      ],
      changes: true,
      settings: sheetSettings,
    },
    async (context, flags) => {
      const { labelsSample } = await import('../commands/labels-commands.ts');
      await labelsSample(context, sheetFlagsOf(flags));
    },
  );
  addSheetOptions(command, 'File to write; - is standard output. Default: labels-FORMAT.pdf here.');
}

function addFormats(labels: Command, define: Define): void {
  define(
    labels,
    {
      name: 'formats',
      summary: 'List the label formats.',
      teaches: `A sheet of your own goes into label-formats.json in the workspace, in millimetres:
  {
    "our-sheet": {
      "title": "A4, 14 labels of 99.1 × 38.1 mm",
      "sheet": { "width": 210, "height": 297 },
      "label": { "width": 99.1, "height": 38.1 },
      "columns": 2,
      "rows": 7,
      "margin": { "left": 4.65, "top": 15.15 },
      "gap": { "x": 2.5, "y": 0 },
      "cut_marks": false
    }
  }`,
      examples: [{ line: 'aovis-provision labels formats', does: 'lists presets and your own' }],
      changes: false,
    },
    async (context) => {
      const { labelsFormats } = await import('../commands/labels-commands.ts');
      await labelsFormats(context);
    },
  );
}

function addSheetOptions(command: Command, out: string): void {
  command
    .option('-o, --out <file>', out)
    .option('--skip <n>', 'Leave the first n places of the first sheet free.', skipArgument, '0')
    .addOption(new Option('--cut-marks', 'Mark the corners, also where the format does not.'))
    .addOption(new Option('--no-cut-marks', 'Do not mark the corners.'))
    .option(
      '--shift <x,y>',
      'Move everything right and down, in millimetres, e.g. 0.5,-1.',
      shiftArgument,
      '0,0',
    );
}

function sheetFlagsOf(flags: Flags): SheetFlags {
  const [x = 0, y = 0] = (textOf(flags, 'shift') ?? '').split(',').map(Number);
  return {
    out: textOf(flags, 'out'),
    skip: Number(flags['skip']),
    cutMarks: typeof flags['cutMarks'] === 'boolean' ? flags['cutMarks'] : undefined,
    shift: { x, y },
  };
}

function skipArgument(text: string): string {
  if (/^\d{1,3}$/.test(text)) return text;
  throw new InvalidArgumentError('Give how many places are used up, e.g. 7.');
}

function shiftArgument(text: string): string {
  if (/^-?\d{1,2}(\.\d{1,2})?,-?\d{1,2}(\.\d{1,2})?$/.test(text)) return text;
  throw new InvalidArgumentError('Give two numbers of millimetres, e.g. 0.5,-1.');
}
