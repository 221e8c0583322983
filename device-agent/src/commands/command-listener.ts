import { type Command, commandParamsSchemas, commandSchema } from '@aovis/contracts/commands';
import { commandAckTopic, commandTopic } from '@aovis/contracts/topics';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { IotConnection, IotMessage } from '../iot/iot-connection.ts';
import type { Part, PartHealth } from '../part.ts';
import { type ActionContext, type ActionResult, type Actions, unsupported } from './command-action.ts';
import { type CommandAnswer, failed, isFinal, rejected } from './command-answer.ts';
import type { CommandJournal, JournalEntry } from './command-journal.ts';

/** Commands that were turned away are remembered too, in memory: the same one must not find a way in later. */
const rememberedRejections = 200;

export interface CommandListenerOptions {
  thing: string;
  connection: IotConnection;
  clock: Pick<Clock, 'now'>;
  logger: Logger;
  journal: CommandJournal;
  actions: Actions;
  /** Of the machine's present boot. */
  machineBootId: string | undefined;
}

const accepted: CommandAnswer = { status: 'accepted' };
const interrupted = failed('interrupted', 'The agent ended before the command did; it is not begun again.');
const defect = failed('defect', 'The agent failed at this command; its log says how.');

/**
 * Answers every command on the board's topic, and executes each at most once: its id is on disk before it is begun, so
 * neither a repeated message nor a restart begins it again.
 */
export class CommandListener implements Part {
  readonly name = 'commands';
  readonly #options: CommandListenerOptions;
  readonly #rejections = new Map<string, CommandAnswer>();
  readonly #stopping = new AbortController();
  /** Commands are taken one after the other; they are executed side by side. */
  #intake: Promise<void> = Promise.resolve();
  readonly #underWay = new Set<Promise<void>>();
  #started = false;

  constructor(options: CommandListenerOptions) {
    this.#options = options;
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const { thing, connection, journal } = this.#options;
    await journal.load();
    for (const entry of journal.entries) if (!isFinal(entry.answer)) this.#resume(entry);
    connection.subscribe(commandTopic(thing), (message) => this.#onMessage(message));
    connection.onConnected(() => this.#sendUndelivered());
  }

  /** Ends what is under way; how that ended is told after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#intake;
    await Promise.all(this.#underWay);
  }

  health(): PartHealth {
    return { ok: true, detail: `${this.#options.journal.entries.length} remembered` };
  }

  #onMessage({ payload }: IotMessage): void {
    const { logger } = this.#options;
    const command = commandSchema.safeParse(parseJson(payload));
    if (!command.success) {
      // Without a valid id there is no topic to answer on.
      logger.warn('A command that does not fit the schema was ignored.');
      return;
    }
    this.#intake = this.#intake.then(() => this.#take(command.data));
  }

  async #take(command: Command): Promise<void> {
    const { id, type } = command;
    const known = this.#options.journal.find(id)?.answer ?? this.#rejections.get(id);
    if (known !== undefined) return void this.#send(id, known);
    const run = this.#prepare(command);
    if (typeof run !== 'function') return this.#reject(command, run);
    const rejection = await this.#remember(command);
    if (rejection !== undefined) return this.#reject(command, rejection);
    this.#options.logger.info({ commandId: id, type }, 'A command was taken.');
    const told = this.#send(id, accepted);
    const running = (): void => this.#note(id, { status: 'running' });
    this.#watch(this.#execute(id, () => run({ signal: this.#stopping.signal, running, told })));
  }

  /** What is to be done, or why nothing is. */
  #prepare({
    type,
    params,
    expires_at,
  }: Command): CommandAnswer | ((context: ActionContext) => ActionResult) {
    const { actions, clock } = this.#options;
    if (expires_at <= clock.now()) return rejected('expired', 'The command came too late.');
    if (!isCommandType(type)) return rejected('unknown_command', `This board knows no command ${type}.`);
    return actions[type]?.prepare(params) ?? unsupported(type);
  }

  /** Undefined when it is on disk, else why it cannot be taken. */
  async #remember({ id, type, expires_at }: Command): Promise<CommandAnswer | undefined> {
    const { journal, clock, machineBootId, logger } = this.#options;
    const boot = machineBootId === undefined ? {} : { machine_boot_id: machineBootId };
    const entry: JournalEntry = { id, type, expires_at, ...boot, answer: accepted, delivered: false };
    try {
      if (await journal.take(entry, clock.now())) return undefined;
      return rejected('busy', 'The board has too many commands at a time; send it again later.');
    } catch (error) {
      logger.error(
        { err: error },
        'A command was not carried out: the state directory cannot be written. Free space there and make it writable.',
      );
      return rejected('not_stored', 'The board cannot write its state directory: free space there.');
    }
  }

  #reject({ id, type }: Command, rejection: CommandAnswer): void {
    this.#options.logger.warn(
      { commandId: id, type, code: rejection.error?.code },
      'A command was rejected.',
    );
    this.#rejections.set(id, rejection);
    const oldest = this.#rejections.keys().next().value;
    if (this.#rejections.size > rememberedRejections && oldest !== undefined) this.#rejections.delete(oldest);
    void this.#send(id, rejection);
  }

  /** A command that was under way when the agent ended. */
  #resume(entry: JournalEntry): void {
    const { actions } = this.#options;
    const action = isCommandType(entry.type) ? actions[entry.type] : undefined;
    const { signal } = this.#stopping;
    const work = async (): ActionResult => (action?.resume ? action.resume(entry, { signal }) : interrupted);
    this.#watch(this.#execute(entry.id, work));
  }

  #watch(work: Promise<void>): void {
    const watched = work.finally(() => this.#underWay.delete(watched));
    this.#underWay.add(watched);
  }

  async #execute(id: string, work: () => ActionResult): Promise<void> {
    const { logger } = this.#options;
    const answer = await work().catch((error: unknown) => {
      logger.error({ err: error, commandId: id }, 'A command failed by a defect of the agent.');
      return defect;
    });
    if (answer === undefined) return;
    logger.info({ commandId: id, status: answer.status, code: answer.error?.code }, 'A command ended.');
    // On disk first: what the cloud was told must not change after a restart.
    await this.#keep(id, answer);
    void this.#send(id, answer);
  }

  #note(id: string, answer: CommandAnswer): void {
    void this.#keep(id, answer);
    void this.#send(id, answer);
  }

  async #keep(id: string, answer: CommandAnswer): Promise<void> {
    try {
      await this.#options.journal.answer(id, answer);
    } catch (error) {
      this.#options.logger.warn({ err: error, commandId: id }, 'An answer could not be kept on disk.');
    }
  }

  #sendUndelivered(): void {
    for (const { id, answer, delivered } of this.#options.journal.entries)
      if (!delivered) void this.#send(id, answer);
  }

  /** Resolves when the cloud has it, or cannot be told now: then it is told at the next connection. */
  #send(id: string, answer: CommandAnswer): Promise<void> {
    const sent = this.#publish(id, answer);
    this.#watch(sent);
    return sent;
  }

  async #publish(id: string, answer: CommandAnswer): Promise<void> {
    const { connection, journal, logger, thing } = this.#options;
    try {
      const payload = JSON.stringify({ id, ...answer });
      await connection.publish({ topic: commandAckTopic(thing, id), payload });
      await journal.noteDelivered(id, answer);
    } catch (error) {
      logger.info({ err: error, commandId: id }, 'An answer could not be sent; it is sent when connected.');
    }
  }
}

function isCommandType(type: string): type is keyof typeof commandParamsSchemas {
  return Object.hasOwn(commandParamsSchemas, type);
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}
