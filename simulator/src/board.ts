import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launchEnvironment, nodeFlags } from '@aovis/device-agent/host/launch-line';
import type { ProvisionedBoard } from './factory.ts';
import { ManagedProcess, type ProgramResult, runProgram } from './managed-process.ts';

/** The agent as the one file that `buildAgent` makes. */
export const agentBundle = join(import.meta.dirname, '../../device-agent/dist/aovis-agent.cjs');

/**
 * The node that boards run: at least 20, the oldest the agent supports when the machine has it. `AOVIS_BOARD_NODE`
 * names one; by default it is the simulator's own.
 */
export const boardNode = process.env['AOVIS_BOARD_NODE'] || process.execPath;

export interface BoardOptions {
  stateDirectory: string;
  logFile: string;
  /** Further settings of the agent, by variable. */
  settings?: Readonly<Record<string, string>>;
}

/** One simulated board: the real agent, as one bundled file, on a bundle from the factory. */
export class Board {
  readonly deviceId: string;
  readonly #bundle: string;
  readonly #stateDirectory: string;
  readonly #logFile: string;
  readonly #settings: Readonly<Record<string, string>>;
  #process: ManagedProcess | undefined;

  constructor(board: ProvisionedBoard, options: BoardOptions) {
    this.deviceId = board.deviceId;
    this.#bundle = board.bundle;
    this.#stateDirectory = options.stateDirectory;
    this.#logFile = options.logFile;
    this.#settings = options.settings ?? {};
    mkdirSync(options.stateDirectory, { recursive: true, mode: 0o700 });
  }

  get process(): ManagedProcess {
    if (this.#process === undefined) throw new Error(`The board ${this.deviceId} is not switched on.`);
    return this.#process;
  }

  /** Switches the board on. */
  start(source = 'clip'): void {
    this.#process = new ManagedProcess({
      name: this.deviceId,
      node: boardNode,
      args: [
        ...nodeFlags,
        agentBundle,
        'run',
        '--bundle',
        this.#bundle,
        '--state',
        this.#stateDirectory,
        '--source',
        source,
      ],
      env: { ...launchEnvironment, ...this.#settings },
      logFile: this.#logFile,
    });
  }

  /** What `aovis-agent status --json` says of it. */
  async status(): Promise<BoardStatus> {
    return readBoardStatus(this.#stateDirectory);
  }

  /** What a person in front of the board sees: the screen of `aovis-agent status`. */
  async screen(): Promise<string> {
    return showStatus(this.#stateDirectory);
  }

  /** Presses the board's button; answers what the board says to it. */
  async pressButton(): Promise<string> {
    return pressButton(this.#stateDirectory);
  }

  /** Types a command on the board, with the settings of its agent. */
  async type(command: string, ...flags: string[]): Promise<ProgramResult> {
    const directories = ['--bundle', this.#bundle, '--state', this.#stateDirectory];
    return runProgram({
      name: `aovis-agent ${command}`,
      node: boardNode,
      args: [agentBundle, command, ...flags, ...directories],
      env: this.#settings,
    });
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  /** Power cut. */
  async kill(): Promise<void> {
    await this.process.kill();
  }
}

export interface BoardStatus {
  running: boolean;
  version?: string;
  connection?: { state: string };
  stream?: { state: string; last_persisted_at?: string };
  binding?: { claimable: boolean; owned?: boolean; epoch?: number };
}

/** What `aovis-agent status --json` says of the board with this state directory; `running: false` while it is switched off. */
export async function readBoardStatus(stateDirectory: string): Promise<BoardStatus> {
  return JSON.parse(await showStatus(stateDirectory, '--json')) as BoardStatus;
}

async function showStatus(stateDirectory: string, ...flags: string[]): Promise<string> {
  const { stdout, stderr } = await runProgram({
    name: 'aovis-agent status',
    node: boardNode,
    args: [agentBundle, 'status', ...flags, '--state', stateDirectory],
    env: {},
  });
  if (stdout === '') throw new Error(`aovis-agent status said: ${stderr}`);
  return stdout;
}

/** Presses the button of the board with this state directory, as whoever stands before it; answers what it says to it. */
export async function pressButton(stateDirectory: string): Promise<string> {
  const { stdout, stderr } = await runProgram({
    name: 'aovis-agent claim',
    node: boardNode,
    args: [agentBundle, 'claim', '--state', stateDirectory],
    env: {},
  });
  if (stdout === '') throw new Error(`aovis-agent claim said: ${stderr}`);
  return stdout.trim();
}
