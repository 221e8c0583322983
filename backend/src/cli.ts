import { parseArgs } from 'node:util';
import { leaveNoCrashFiles } from '@aovis/contracts/crash-files';
import { databaseProblem } from '@aovis/migrations/database-problem';
import { auditCommands } from './cli/audit-commands.ts';
import { boardCommands } from './cli/board-commands.ts';
import { type Commands, flagOptions, say, UsageError } from './cli/command.ts';
import { factoryCommands } from './cli/factory-commands.ts';
import { lineKeyCommands } from './cli/line-key-commands.ts';
import { shopCommands } from './cli/shop-commands.ts';
import { simCommands } from './cli/sim-commands.ts';
import { staffCommands } from './cli/staff-commands.ts';
import { loadConfig } from './config/config.ts';
import { DatabaseUrlRefused } from './config/database-url.ts';
import { InvitationRefused } from './features/admin/invitation-service.ts';
import { CatalogFileRefused } from './features/catalog/catalog-service.ts';
import { PlanFileRefused } from './features/data-plans/plan-file.ts';
import { LabelFileRefused } from './features/devices/label-file.ts';
import { ManifestFileRefused } from './features/factory/manifest-file.ts';
import { StationRefused } from './features/factory/station-service.ts';
import { FactoryKeyRefused } from './features/line/factory-key-service.ts';
import { BoardJobRefused } from './features/rotation/rotation-service.ts';
import { CardFileRefused } from './features/sim/card-file.ts';
import { apiContracts } from './http/api-contracts.ts';
import { openApiDocument } from './http/openapi.ts';

const usage = `Usage: node backend/src/cli.ts <command>

  admin invite [--email <address>] [--role admin|support] [--additional]
                                                       print a one-time token that makes its holder staff
  station add --id <station> --public-key-file <pem>   register a factory station's Ed25519 key
  station disable --id <station>                       refuse its manifests from now on
  station list                                         the stations and since when they may sign
  line-key add --id <line> --scopes <a,b> [--days <n>]  print a new API key of a production line, once
  line-key rotate --id <key> [--overlap-hours <n>]     print its successor; the old key works 24 hours more
  line-key revoke --id <key>                           refuse it from now on
  line-key list                                        the keys, what they are good for, when they were used
  manifest import --file <jws> [--dry-run]             take a manifest that a station wrote to a file
  label hashes                                         how many labels are under which pepper; exit 1 when one is missing
  label import --file <csv> [--add] [--dry-run]        take over codes of old labels (serial, activation_code_hash)
  products import --file <json>                        make the shop show what the file says
  plans import --file <json>                           put exactly these data plans on sale
  sims import --file <csv> [--dry-run]                 put SIM cards on record (columns iccid, eid, imsi)
  sims sync [--dry-run]                                take over what the SIM carrier says of our cards
  board rotate-certificate --id <device> [--job <id>]  give a board a new key and certificate
  board job --id <device> --file <json> [--job <id>]   have a board carry out a job; waits for its end
  audit verify [--anchor <seq:hash>] [--anchor-file <path>]
                                                       walk the whole log; exit 1 when it was tampered with
  audit head                                           the end of the log, to be noted elsewhere
  config check                                         say everything that is wrong with the environment
  openapi                                              the OpenAPI document of the API

The database is the one of DATABASE_URL or DATABASE_URL_FILE. Answers go to stdout, problems to stderr.
`;

/** These say all there is to say; their causes are for debuggers. */
const refusals = [
  BoardJobRefused,
  DatabaseUrlRefused,
  InvitationRefused,
  CatalogFileRefused,
  CardFileRefused,
  FactoryKeyRefused,
  LabelFileRefused,
  ManifestFileRefused,
  PlanFileRefused,
  StationRefused,
];

const commands: Commands = {
  ...staffCommands,
  ...factoryCommands,
  ...lineKeyCommands,
  ...shopCommands,
  ...simCommands,
  ...boardCommands,
  ...auditCommands,
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

async function main(words: string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: words, allowPositionals: true, options: flagOptions });
    const name = positionals.join(' ');
    if (values.help || name === '') {
      process.stdout.write(usage);
      return values.help ? 0 : 2;
    }
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new UsageError(`There is no command «${name}».`);
    return await command(values);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const mistyped = error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`${sentenceOf(error)}\n${mistyped ? `\n${usage}` : ''}`);
    return mistyped ? 2 : 1;
  }
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (refusals.some((refusal) => error instanceof refusal)) return error.message;
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (syscall === 'open' && path !== undefined) return `The file ${path} cannot be read (${code}).`;
  const cause = error.cause instanceof Error ? ` (${reasonOf(error.cause)})` : '';
  return databaseProblem(error) ?? `${error.message}${cause}`;
}

/** `fetch` says why it failed in the cause of its error. */
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message;
}

leaveNoCrashFiles();
process.exitCode = await main(process.argv.slice(2));
