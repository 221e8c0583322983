import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadConfig } from './config/config.ts';
import { databaseUrlFrom } from './config/database-url.ts';
import { type Database, openDatabase } from './db/database.ts';
import { eiotclubCarrier } from './eiotclub/connect.ts';
import {
  InvitationRefused,
  InvitationService,
  invitationMinutes,
} from './features/admin/invitation-service.ts';
import { formatHead, parseHead, readAnchors } from './features/audit/audit-anchors.ts';
import { readHead, verifyAuditLog } from './features/audit/audit-verification.ts';
import { CatalogFileRefused, CatalogService } from './features/catalog/catalog-service.ts';
import { importPlanFile, PlanFileRefused } from './features/data-plans/plan-file.ts';
import { importManifestFile, ManifestFileRefused } from './features/factory/manifest-file.ts';
import { ManifestService } from './features/factory/manifest-service.ts';
import { StationRefused, StationService } from './features/factory/station-service.ts';
import { CardFileRefused } from './features/sim/card-file.ts';
import { InventoryService } from './features/sim/inventory-service.ts';
import { apiContracts } from './http/api-contracts.ts';
import { openApiDocument } from './http/openapi.ts';
import { systemClock } from './kernel/clock.ts';
import { readEmail } from './kernel/email.ts';

const usage = `Usage: node backend/src/cli.ts <command>

  admin invite [--email <address>] [--role admin|support] [--additional]
                                                       print a one-time token that makes its holder staff
  station add --id <station> --public-key-file <pem>   register a factory station's Ed25519 key
  station disable --id <station>                       refuse its manifests from now on
  station list                                         the stations and since when they may sign
  manifest import --file <jws> [--dry-run]             take a manifest that a station wrote to a file
  products import --file <json>                        make the shop show what the file says
  plans import --file <json>                           put exactly these data plans on sale
  sims import --file <csv> [--dry-run]                 put SIM cards on record (columns iccid, eid, imsi)
  sims sync [--dry-run]                                take over what the SIM carrier says of our cards
  audit verify [--anchor <seq:hash>] [--anchor-file <path>]
                                                       walk the whole log; exit 1 when it was tampered with
  audit head                                           the end of the log, to be noted elsewhere
  config check                                         say everything that is wrong with the environment
  openapi                                              the OpenAPI document of the API

The database is the one of DATABASE_URL or DATABASE_URL_FILE. Answers go to stdout, problems to stderr.
`;

/** What an operator typed wrong, as a sentence. */
class UsageError extends Error {}

/** These say all there is to say; their causes are for debuggers. */
const refusals = [
  InvitationRefused,
  CatalogFileRefused,
  CardFileRefused,
  ManifestFileRefused,
  PlanFileRefused,
  StationRefused,
];

type Flags = {
  id?: string;
  file?: string;
  'dry-run'?: boolean;
  'public-key-file'?: string;
  anchor?: string[];
  'anchor-file'?: string;
  email?: string;
  role?: string;
  additional?: boolean;
};
type Command = (flags: Flags) => Promise<number> | number;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const commands: Readonly<Record<string, Command>> = {
  'station add': (flags) =>
    withDatabase(async (db) => {
      const pem = readFileSync(needed(flags['public-key-file'], '--public-key-file'), 'utf8');
      const id = needed(flags.id, '--id');
      say(`${id} ${await new StationService({ db, clock: systemClock }).add(id, pem)}`);
      return 0;
    }),
  'station disable': (flags) =>
    withDatabase(async (db) => {
      const id = needed(flags.id, '--id');
      say(`${id} ${await new StationService({ db, clock: systemClock }).disable(id)}`);
      return 0;
    }),
  'station list': () =>
    withDatabase(async (db) => {
      for (const station of await new StationService({ db, clock: systemClock }).list())
        say(JSON.stringify(station));
      return 0;
    }),
  'manifest import': (flags) =>
    withDatabase(async (db) => {
      const { activationPeppers: peppers, proofModels } = loadConfig(process.env);
      const manifests = new ManifestService({ db, clock: systemClock, peppers, proofModels });
      const file = needed(flags.file, '--file');
      const result = await importManifestFile(file, { manifests, dryRun: flags['dry-run'] === true });
      say(JSON.stringify(result));
      return result.conflicts === 0 ? 0 : 1;
    }),
  'products import': (flags) =>
    withDatabase(async (db) => {
      const catalog = new CatalogService({ db, clock: systemClock });
      const { products, removed } = await catalog.importFile(needed(flags.file, '--file'));
      say(`${products} products, ${removed} taken off`);
      return 0;
    }),
  'plans import': (flags) =>
    withDatabase(async (db) => {
      const file = needed(flags.file, '--file');
      say(JSON.stringify(await importPlanFile(file, { db, clock: systemClock })));
      return 0;
    }),
  'sims import': (flags) =>
    withDatabase(async (db) => {
      const inventory = new InventoryService({ db, clock: systemClock });
      const file = needed(flags.file, '--file');
      const result = await inventory.importFile(file, { dryRun: flags['dry-run'] === true });
      say(JSON.stringify(result));
      return result.conflicts.length === 0 ? 0 : 1;
    }),
  'sims sync': (flags) =>
    withDatabase(async (db) => {
      const carrier = eiotclubCarrier(loadConfig(process.env), db);
      if (carrier === undefined)
        throw new UsageError('Set EIOTCLUB_APP_KEY and EIOTCLUB_SECRET: no SIM carrier is configured.');
      const inventory = new InventoryService({ db, clock: systemClock });
      const { signal } = new AbortController();
      const result = await inventory.sync(carrier, { dryRun: flags['dry-run'] === true, signal });
      say(JSON.stringify(result));
      return result.conflicts.length === 0 ? 0 : 1;
    }),
  'admin invite': (flags) =>
    withDatabase(async (db) => {
      const role = flags.role ?? 'admin';
      if (role !== 'admin' && role !== 'support') throw new UsageError('--role is admin or support.');
      const email = flags.email === undefined ? undefined : readEmail(flags.email);
      if (flags.email !== undefined && email === undefined)
        throw new UsageError(`${flags.email} is no e-mail address.`);
      const invitations = new InvitationService({ db, clock: systemClock });
      const { token } = await invitations.invite({ role, email, additional: flags.additional === true });
      say(token);
      process.stderr.write(
        `Within ${invitationMinutes} minutes, signed in${email === undefined ? '' : ` as ${email}`}: ` +
          `POST /api/admin/invitations/redeem {"token":"…"}. It works once.\n`,
      );
      return 0;
    }),
  'audit verify': (flags) =>
    withDatabase(async (db) => {
      const fromFile = flags['anchor-file'] === undefined ? [] : await readAnchors(flags['anchor-file']);
      const anchors = [...(flags.anchor ?? []).map(parseHead), ...fromFile];
      const result = await verifyAuditLog(db, anchors);
      say(result.ok ? `ok ${formatHead(result.head)}` : `tampered: ${result.problem}`);
      return result.ok ? 0 : 1;
    }),
  'audit head': () =>
    withDatabase(async (db) => {
      say(formatHead(await readHead(db)));
      return 0;
    }),
  'config check': () => {
    loadConfig(process.env);
    say('ok');
    return 0;
  },
  openapi: () => {
    say(JSON.stringify(openApiDocument(apiContracts), null, 2));
    return 0;
  },
};

async function withDatabase(work: (db: Database) => Promise<number>): Promise<number> {
  const db = openDatabase({ url: databaseUrlFrom(process.env), poolSize: 2 });
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}

function needed(value: string | undefined, flag: string): string {
  if (value === undefined) throw new UsageError(`${flag} is missing.`);
  return value;
}

async function main(words: string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: words,
      allowPositionals: true,
      options: {
        help: { type: 'boolean' },
        id: { type: 'string' },
        file: { type: 'string' },
        'dry-run': { type: 'boolean' },
        'public-key-file': { type: 'string' },
        anchor: { type: 'string', multiple: true },
        'anchor-file': { type: 'string' },
        email: { type: 'string' },
        role: { type: 'string' },
        additional: { type: 'boolean' },
      },
    });
    const name = positionals.join(' ');
    if (values.help || name === '') {
      process.stdout.write(usage);
      return values.help ? 0 : 2;
    }
    const command = commands[name];
    if (command === undefined) throw new UsageError(`There is no command «${name}».`);
    return await command(values);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const mistyped = error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS');
    const message = error instanceof Error ? error.message : String(error);
    const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : '';
    process.stderr.write(
      `${message}${refusals.some((refusal) => error instanceof refusal) ? '' : cause}\n${mistyped ? `\n${usage}` : ''}`,
    );
    return mistyped ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
