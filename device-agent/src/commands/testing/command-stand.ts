import { join } from 'node:path';
import { type Command, type CommandAck, commandAckSchema } from '@aovis/contracts/commands';
import { ulid } from 'ulid';
import { writeFileAtomically } from '../../host/atomic-file.ts';
import { createLogger } from '../../host/logger.ts';
import { FakeIotConnection } from '../../iot/testing/fake-iot-connection.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { until } from '../../testing/until.ts';
import { type BoardActionsOptions, boardActions } from '../board-actions.ts';
import { CommandJournal } from '../command-journal.ts';
import { CommandListener } from '../command-listener.ts';

export const thing = 'aovis-n4k-000123';

export interface StandOptions extends Partial<Omit<BoardActionsOptions, 'logger'>> {
  clock?: FakeClock;
  capacity?: number;
  /** Stands for the disk. */
  write?: (path: string, content: string) => Promise<void>;
}

/** One life of an agent, as far as commands go; the next life in the same directory finds what it left. */
export class CommandStand {
  readonly connection = new FakeIotConnection();
  readonly clock: FakeClock;
  readonly journal: CommandJournal;
  readonly #listener: CommandListener;

  private constructor(directory: string, options: StandOptions) {
    const { capacity, write, ...actions } = options;
    const logger = createLogger({ level: 'silent' });
    this.clock = options.clock ?? new FakeClock();
    this.journal = new CommandJournal({
      path: join(directory, 'commands.json'),
      capacity: capacity ?? 200,
      write: write ?? writeFileAtomically,
    });
    const board: BoardActionsOptions = {
      requestKeyframe: () => true,
      identify: undefined,
      reboot: undefined,
      ptz: undefined,
      machineBootId: 'boot-1',
      ...actions,
      clock: this.clock,
      logger,
    };
    this.#listener = new CommandListener({
      thing,
      connection: this.connection,
      clock: this.clock,
      logger,
      journal: this.journal,
      actions: boardActions(board),
      machineBootId: board.machineBootId,
    });
  }

  static async start(directory: string, options: StandOptions = {}): Promise<CommandStand> {
    const stand = new CommandStand(directory, options);
    await stand.#listener.start(new AbortController().signal);
    return stand;
  }

  command(changes: Partial<Command> = {}): Command {
    const issued_at = this.clock.now();
    return {
      id: ulid(),
      type: 'request_keyframe',
      params: {},
      issued_at,
      expires_at: issued_at + 30_000,
      correlation_id: 'c',
      ...changes,
    };
  }

  deliver(...payloads: unknown[]): void {
    for (const payload of payloads) this.connection.deliver(`aovis/${thing}/command`, payload);
  }

  get answers(): CommandAck[] {
    return this.connection.published.map(({ payload }) => commandAckSchema.parse(JSON.parse(payload)));
  }

  /** What was answered, as soon as this is an answer. */
  async untilAnswered(status: CommandAck['status'], id?: string): Promise<CommandAck[]> {
    await until(() =>
      this.answers.some((answer) => answer.status === status && (id === undefined || answer.id === id)),
    );
    return this.answers;
  }

  /** What was taken until now is answered or dropped when it resolves. */
  stop(): Promise<void> {
    return this.#listener.stop();
  }
}
