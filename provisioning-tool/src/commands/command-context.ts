import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { AuditLog } from '../audit/audit-log.ts';
import { type CallQuotas, readQuotas, settledQuotas } from '../batch/call-quotas.ts';
import type { Clock } from '../clock.ts';
import type { AwsIotRegistry } from '../cloud/aws-iot-registry.ts';
import type { RetryRules } from '../cloud/paced-calls.ts';
import { type Config, loadConfig, readConfigFile, requireSetting } from '../config.ts';
import { readPrivateText } from '../files/private-file.ts';
import { BackendClient } from '../handover/backend-client.ts';
import { Refusal } from '../refusal.ts';
import type { KeyOpening } from '../signers/open-signer.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** What the program got from outside. */
export interface Surroundings {
  env: Partial<Record<string, string>>;
  clock: Clock;
  random: () => number;
  /** Aborted by Ctrl-C with a `Refusal` of kind `interrupted`. */
  signal: AbortSignal;
  version: string;
  /** Options of Node that the process was started with. */
  execArgv?: readonly string[];
}

/** Flags that every command takes. */
export interface CommonFlags {
  workspace: string;
  settings: Partial<Record<string, string>>;
  passphraseFile: string | undefined;
  pinFile: string | undefined;
  dryRun: boolean;
}

/** What a command works with. */
export class CommandContext {
  readonly terminal: Terminal;
  readonly surroundings: Surroundings;
  readonly flags: CommonFlags;
  readonly workspace: string;
  /** Who did what here. */
  readonly audit: AuditLog;
  #begun: (() => Promise<number>) | undefined;

  constructor(terminal: Terminal, surroundings: Surroundings, flags: CommonFlags) {
    this.terminal = terminal;
    this.surroundings = surroundings;
    this.flags = flags;
    this.workspace = resolve(flags.workspace);
    this.audit = new AuditLog(this.workspace, surroundings.clock);
  }

  /** Set where the command's beginning is written into the audit log: not in a dry run, nor if it changes nothing. */
  set begun(line: () => Promise<number>) {
    this.#begun = line;
  }

  /** Number of the audit log's line that says that this command began. */
  async auditLine(): Promise<number> {
    if (!this.#begun) throw new Error('a command that changes nothing has no line in the audit log');
    return await this.#begun();
  }

  async config(): Promise<Config> {
    return loadConfig({
      flags: this.flags.settings,
      env: this.surroundings.env,
      file: await readConfigFile(this.workspace),
    });
  }

  /** Who acts, for the journal. */
  get operator(): string {
    return userInfo().username;
  }

  rules(config: Config, signal: AbortSignal): RetryRules {
    const { clock, random } = this.surroundings;
    return { clock, random, signal, patienceMs: config.outage_patience_seconds * 1000 };
  }

  /** At the account's own quotas, where AWS tells them: for commands of many calls. */
  async registryAtQuotas(config: Config, signal: AbortSignal): Promise<AwsIotRegistry> {
    const quotas = await readQuotas(config, signal);
    if (quotas.unread?.failed) this.terminal.warn(quotas.unread.sentence);
    return await this.registry(config, signal, quotas);
  }

  /** The SDK is loaded here and not before: most commands do without it. */
  async registry(
    config: Config,
    signal: AbortSignal,
    quotas: CallQuotas = settledQuotas(config),
  ): Promise<AwsIotRegistry> {
    const region = requireSetting(config, 'region');
    const [{ AwsIotRegistry: Registry }, { AwsCalls }] = await Promise.all([
      import('../cloud/aws-iot-registry.ts'),
      import('../cloud/aws-calls.ts'),
    ]);
    const calls = new AwsCalls({
      region,
      controlUrl: config.iot_control_url,
      quotas: quotas.of,
      requestTimeoutMs: config.request_timeout_ms,
      rules: this.rules(config, signal),
    });
    return new Registry(calls);
  }

  backend(config: Config, signal: AbortSignal): BackendClient | undefined {
    if (config.backend_url === undefined) return undefined;
    return new BackendClient({
      url: config.backend_url,
      requestTimeoutMs: config.request_timeout_ms,
      rules: this.rules(config, signal),
    });
  }

  /** Passphrase of the CA keys, from `--passphrase-file` or typed. */
  async passphrase(): Promise<string> {
    return await this.secret('Passphrase of the CA', '--passphrase-file', this.flags.passphraseFile);
  }

  /** What opening the issuing key may need, wherever it lives. */
  keyOpening(config: Config): KeyOpening {
    return {
      passphrase: () => this.passphrase(),
      pin: () => this.secret('PIN of the token', '--pin-file', this.flags.pinFile),
      kmsUrl: config.kms_url,
      requestTimeoutMs: config.request_timeout_ms,
    };
  }

  /** A secret from a file of mode 0600, the value of `flag`, or typed. */
  async secret(question: string, flag: string, file: string | undefined): Promise<string> {
    if (file === undefined) return await this.terminal.askSecret(question, flag);
    return firstLine(await readPrivateText(file, { what: `The file of ${flag}`, anyKind: true }), file);
  }

  /** A passphrase to be: typed twice, and not too short. */
  async newPassphrase(flag = '--passphrase-file', file = this.flags.passphraseFile): Promise<string> {
    const passphrase = await this.secret('New passphrase of the CA', flag, file);
    if (passphrase.length < shortestPassphrase)
      throw new Refusal(
        'usage',
        `The passphrase is too short; take at least ${shortestPassphrase} characters.`,
      );
    if (file === undefined && (await this.terminal.askSecret('Once more', flag)) !== passphrase)
      throw new Refusal('usage', 'The two passphrases differ; start again.');
    return passphrase;
  }
}

const shortestPassphrase = 12;

function firstLine(text: string, path: string): string {
  const line = text.split(/\r?\n/, 1)[0] ?? '';
  if (line === '')
    throw new Refusal('usage', `The file ${path} is empty; write the passphrase or PIN into it.`);
  return line;
}

/** Runs `work` with a controller that the operator's signal aborts too. */
export async function withStop<T>(
  signal: AbortSignal,
  work: (stop: AbortController) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const forward = () => stop.abort(signal.reason);
  if (signal.aborted) forward();
  signal.addEventListener('abort', forward);
  try {
    return await work(stop);
  } finally {
    signal.removeEventListener('abort', forward);
  }
}
