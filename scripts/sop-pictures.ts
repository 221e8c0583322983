import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FactoryFixture, passphrase, serialOf } from '../provisioning-tool/src/testing/factory-fixture.ts';
import { startLocalCloud } from '../provisioning-tool/src/testing/local-cloud.ts';
import { Operator } from './sop/operator.ts';
import { type Piece, terminalPicture } from './sop/terminal-picture.ts';

/**
 * The pictures of docs/factory-sop.md: `node scripts/sop-pictures.ts` (needs pdftoppm of poppler-utils). A day at a station, with
 * the real program against stand-ins of cloud and backend; no board of the pictures exists.
 */
const images = join(import.meta.dirname, '../docs/images/sop');
const boards = 48;

const factory = new FactoryFixture();
await factory.start();
// The quotas of the account are read, as at a real station.
const cloud = await startLocalCloud();
try {
  Object.assign(process.env, cloud.credentials);
  factory.env['AOVIS_SERVICE_QUOTAS_URL'] = cloud.serviceQuotasUrl;
  await mkdir(images, { recursive: true });
  process.chdir(factory.directory);
  for (const name of Object.keys(factory.env)) if (name.startsWith('AOVIS_TPS_')) delete factory.env[name];
  factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
  factory.env['AOVIS_ROOT_CA_FILE'] = './factory/ca/root.crt';
  const operator = new Operator(factory, passphrase);
  await firstDay(operator);
  await batch(operator);
  await labels(operator);
  await audit(operator);
  await drawLabels();
} finally {
  process.chdir('/');
  await Promise.all([factory.stop(), cloud.stop()]);
}

async function draw(name: string, title: string, sessions: Piece[][]): Promise<void> {
  await writeFile(join(images, `${name}.svg`), terminalPicture(title, sessions.flat()));
}

async function firstDay(operator: Operator): Promise<void> {
  const sessions = [
    await operator.run(['ca', 'init', '--organization', 'AOVIS']),
    await operator.run(['ca', 'register', '--region', 'eu-central-1']),
    await operator.run(['station', 'init', '--station-id', 'line-1']),
  ];
  await draw('first-day', 'The first day of a station', sessions);
  const { public_key_pem: key } = JSON.parse((await factory.succeed('station', 'show', '--json')).stdout) as {
    public_key_pem: string;
  };
  factory.backend.stations.set('line-1', key);
}

async function batch(operator: Operator): Promise<void> {
  await factory.writeBoards('autumn-7.csv', boards);
  await draw('batch', 'A batch is planned, made and checked', [
    await operator.run(['batch', 'plan', 'autumn-7.csv']),
    await operator.run(['batch', 'run', 'autumn-7.csv']),
    await operator.run(['batch', 'verify', 'autumn-7']),
  ]);
}

async function labels(operator: Operator): Promise<void> {
  const torn = ['labels', 'print', 'autumn-7', '--serial', serialOf(17)];
  const link = await linksOf('autumn-7');
  const misread = link(3).replace(/.$/, (symbol) => (symbol === '7' ? '8' : '7'));
  await draw('labels', 'Labels are printed, one of them again', [
    await operator.run(['labels', 'print', 'autumn-7']),
    await operator.run(torn),
    await operator.run([...torn, '--reason', 'torn when applied']),
  ]);
  await draw('check', 'Labels are scanned back', [
    await operator.run(
      ['labels', 'check', '--batch', 'autumn-7'],
      [link(1), link(2), misread, '4006381333931'],
    ),
    await operator.run(['labels', 'check', '--serial', serialOf(5)], [link(6)]),
  ]);
  await operator.run(
    ['labels', 'check', '--batch', 'autumn-7', '--all'],
    Array.from({ length: boards }, (_, index) => link(index + 1)),
  );
}

/** What the QR codes of a batch say, by board number. */
async function linksOf(batchId: string): Promise<(board: number) => string> {
  const rows = await readFile(join(factory.workspace, 'batches', batchId, 'labels.csv'), 'utf8');
  const codes = new Map(rows.split('\n').map((row) => [row.split(',')[0], row.split(',')[3] ?? '']));
  return (board) => `https://app.example.com/a#${(codes.get(serialOf(board)) ?? '').replaceAll('-', '')}`;
}

async function audit(operator: Operator): Promise<void> {
  const noted = JSON.parse((await factory.succeed('audit', 'verify', '--json')).stdout) as { head: string };
  await draw('audit', 'An auditor looks at what was done', [
    await operator.run(['labels', 'ledger', 'autumn-7']),
    await operator.run(['audit', 'show', '--last', '6']),
    await operator.run(['audit', 'verify', '--noted', noted.head]),
  ]);
}

/** A sheet as a whole, and one label of a roll. */
async function drawLabels(): Promise<void> {
  await picture('sheet', 'a4-24', ['-r', '75', '-l', '1']);
  await picture('label', 'roll-57x32', ['-r', '180', '-l', '1']);
}

async function picture(name: string, format: string, flags: readonly string[]): Promise<void> {
  const pdf = join(factory.directory, `${name}.pdf`);
  const words = ['--label-format', format, '--out', pdf, '--reason', 'a picture for the procedure'];
  await factory.succeed('labels', 'print', 'autumn-7', ...words);
  await promisify(execFile)('pdftoppm', [...flags, '-gray', '-png', '-singlefile', pdf, join(images, name)]);
  await rm(pdf);
}
