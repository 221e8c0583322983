import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppClient } from '@aovis/simulator/app-client';
import { Board } from '@aovis/simulator/board';
import { buildAgent } from '@aovis/simulator/build-agent';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import type { ProvisionedBoard } from '@aovis/simulator/factory';
import { LocalSystem } from '@aovis/simulator/local-system';
import { orderOf } from '@aovis/simulator/sample-order';

const batch = 'test';

/** The whole system in a folder of its own below the machine's temporary folder, with a finished batch of boards. */
export class RunningSystem {
  readonly system: LocalSystem;
  readonly #boards = new Map<string, Board>();

  private constructor(directory: string, backendSettings: Record<string, string> | undefined) {
    this.system = new LocalSystem({ directory, backendSettings });
  }

  /** Starts everything; what was started is stopped again when a part does not come up. */
  static async start(options: {
    boards: number;
    /** On top of the system's own, by variable. */
    backendSettings?: Record<string, string>;
  }): Promise<RunningSystem> {
    const running = new RunningSystem(temporaryFolder(), options.backendSettings);
    try {
      await running.#start(options.boards);
      return running;
    } catch (error) {
      await running.stop();
      throw error;
    }
  }

  /** The boards of the batch, as the factory left them. */
  get provisioned(): ProvisionedBoard[] {
    return this.system.factory.boards(batch);
  }

  provisionedBoard(index: number): ProvisionedBoard {
    const board = this.provisioned[index];
    if (board === undefined) throw new Error(`The batch holds no board number ${index}.`);
    return board;
  }

  /** A board with the real agent, not yet switched on; switched off by `stop`. Settings count at the first call. */
  board(index: number, settings: Readonly<Record<string, string>> = {}): Board {
    const provisioned = this.provisionedBoard(index);
    const { deviceId } = provisioned;
    const board =
      this.#boards.get(deviceId) ??
      new Board(provisioned, {
        stateDirectory: this.system.folder.boardState(deviceId),
        logFile: this.system.folder.log(deviceId),
        settings,
      });
    this.#boards.set(deviceId, board);
    return board;
  }

  /** A customer who has signed in and activated the board. */
  async owner(email: string, { deviceId, activationCode }: ProvisionedBoard): Promise<AppClient> {
    const app = new AppClient({
      backendUrl: this.system.backendUrl,
      mailUrl: this.system.endpoints.mail.url,
    });
    await app.signIn(email);
    expectAnswer(await app.activate(deviceId, activationCode), 200);
    return app;
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    for (const board of this.#boards.values()) await board.stop();
    await this.system.stop();
    rmSync(this.system.folder.root, { recursive: true, force: true });
  }

  async #start(boards: number): Promise<void> {
    const { system } = this;
    system.open();
    const agent = buildAgent();
    await system.startDatabase();
    await system.migrate();
    await system.startCloud();
    await system.startBackend();
    await system.prepareAccount();
    await system.prepareFactory();
    if (boards > 0) await system.factory.runBatch(system.factory.writeOrder(batch, orders(boards)));
    await agent;
  }
}

/** Orders for boards number 1 to `count`. */
export const orders = (count: number): ReturnType<typeof orderOf>[] =>
  Array.from({ length: count }, (_, index) => orderOf(index + 1));

/** To be removed by the caller. */
export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'aovis-system-'));
