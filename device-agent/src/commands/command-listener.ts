import {
  type Command,
  type CommandAck,
  commandParamsSchemas,
  commandSchema,
} from '@aovis/contracts/commands';
import { commandAckTopic, commandTopic } from '@aovis/contracts/topics';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { IotConnection, IotMessage } from '../iot/iot-connection.ts';
import type { Part, PartHealth } from '../part.ts';

/** Answers of the last commands, by id: a repeated command is answered from here, not executed again. */
const rememberedAnswers = 200;

export interface CommandListenerOptions {
  thing: string;
  connection: IotConnection;
  clock: Pick<Clock, 'now'>;
  logger: Logger;
  /** False where the camera cannot make a keyframe at will. */
  requestKeyframe: () => boolean;
}

type Answer = Omit<CommandAck, 'id'>;

const rejected = (code: string, message: string): Answer => ({
  status: 'rejected',
  error: { code, message },
});

/** Answers every command on the board's topic; executes those that this board knows. */
export class CommandListener implements Part {
  readonly name = 'commands';
  readonly #options: CommandListenerOptions;
  readonly #answers = new Map<string, Answer>();
  #started = false;

  constructor(options: CommandListenerOptions) {
    this.#options = options;
  }

  start(_signal: AbortSignal): Promise<void> {
    if (!this.#started)
      this.#options.connection.subscribe(commandTopic(this.#options.thing), (message) =>
        this.#onMessage(message),
      );
    this.#started = true;
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  health(): PartHealth {
    return { ok: true, detail: `${this.#answers.size} answered` };
  }

  #onMessage({ payload }: IotMessage): void {
    const { logger } = this.#options;
    const command = commandSchema.safeParse(parseJson(payload));
    if (!command.success) {
      // Without a valid id there is no topic to answer on.
      logger.warn('A command that does not fit the schema was ignored.');
      return;
    }
    const { id, type } = command.data;
    const answer = this.#answers.get(id) ?? this.#execute(command.data);
    this.#remember(id, answer);
    logger.info({ commandId: id, type, status: answer.status }, 'A command was answered.');
    this.#acknowledge({ id, ...answer });
  }

  #execute({ type, params, expires_at }: Command): Answer {
    if (expires_at <= this.#options.clock.now()) return rejected('expired', 'The command came too late.');
    if (type !== 'request_keyframe')
      return Object.hasOwn(commandParamsSchemas, type)
        ? rejected('unsupported', `This board cannot do ${type}.`)
        : rejected('unknown_command', `This board knows no command ${type}.`);
    if (!commandParamsSchemas.request_keyframe.safeParse(params).success)
      return rejected('invalid_params', 'request_keyframe takes no parameters.');
    return this.#options.requestKeyframe()
      ? { status: 'succeeded' }
      : {
          status: 'failed',
          error: { code: 'not_possible', message: 'This camera makes keyframes on its own.' },
        };
  }

  #remember(id: string, answer: Answer): void {
    this.#answers.set(id, answer);
    const oldest = this.#answers.keys().next().value;
    if (this.#answers.size > rememberedAnswers && oldest !== undefined) this.#answers.delete(oldest);
  }

  #acknowledge(ack: CommandAck): void {
    const { connection, logger, thing } = this.#options;
    connection
      .publish({ topic: commandAckTopic(thing, ack.id), payload: JSON.stringify(ack) })
      .catch((error: unknown) =>
        logger.warn({ err: error, commandId: ack.id }, 'An answer could not be sent.'),
      );
  }
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}
