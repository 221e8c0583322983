import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { agentBundle, Board, boardNode } from './board.ts';
import type { ProvisionedBoard } from './factory.ts';
import type { SystemFolder } from './system-folder.ts';
import { vendorPublicKeyFile } from './vendor.ts';

const rebootProgram = join(import.meta.dirname, 'reboot-machine.js');

/** The agent's exit codes after which its service manager starts it again here: in order, and for another release. */
const startedAgain: readonly (number | null)[] = [0, 22];

/**
 * A simulated board as a firmware engineer sets one up: it can be rebooted, sends its log, takes releases of the agent, and its
 * agent is started again when it ends for that.
 */
export class BoardMachine {
  readonly board: Board;
  readonly #bootIdFile: string;
  #off = false;

  constructor(provisioned: ProvisionedBoard, folder: SystemFolder) {
    const { deviceId } = provisioned;
    const stateDirectory = folder.boardState(deviceId);
    this.#bootIdFile = folder.bootId(deviceId);
    this.board = new Board(provisioned, {
      stateDirectory,
      logFile: folder.log(deviceId),
      settings: {
        PATH: [installPrograms(folder.programs), process.env['PATH'] ?? ''].join(delimiter),
        AOVIS_AGENT_STATE: stateDirectory,
        AOVIS_AGENT_BOOT_ID_FILE: this.#bootIdFile,
        AOVIS_AGENT_REBOOT_COMMAND: 'reboot-machine',
        AOVIS_AGENT_LOGS_COMMAND: 'aovis-agent logs --lines 20000',
        AOVIS_AGENT_UPDATE_KEY: vendorPublicKeyFile(folder),
      },
    });
  }

  /** Switches the board on. Resolves when it is switched off; rejects when its agent ends in any way that is not in order. */
  async run(source?: string): Promise<void> {
    mkdirSync(dirname(this.#bootIdFile), { recursive: true, mode: 0o700 });
    writeFileSync(this.#bootIdFile, randomUUID());
    while (!this.#off) {
      this.board.start(source);
      const { code } = await this.board.process.exited;
      if (!this.#off && !startedAgain.includes(code)) throw this.board.process.failure();
    }
  }

  /** Switches it off. */
  async stop(): Promise<void> {
    this.#off = true;
    await this.board.stop();
  }
}

/**
 * Puts beside each other what the board's commands name. By names alone, since such a command is words between spaces and folders may
 * have spaces in theirs.
 */
function installPrograms(directory: string): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const [name, script] of [
    ['aovis-agent', agentBundle],
    ['reboot-machine', rebootProgram],
  ] as const) {
    const path = join(directory, name);
    writeFileSync(path, `#!/bin/sh\nexec ${quoted(boardNode)} ${quoted(script)} "$@"\n`);
    chmodSync(path, 0o700);
  }
  return directory;
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
