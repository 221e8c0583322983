import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Uplink } from '@aovis/device-agent/streaming/testing/uplink';
import type { LocalSystem } from '@aovis/simulator/local-system';

/** What lies between one board and the cloud: names that are resolved or not, and an uplink for each service. */
export class BoardNetwork {
  readonly #file: string;
  readonly #uplinks: ReadonlyMap<number, Uplink>;
  #names = true;

  private constructor(file: string, uplinks: ReadonlyMap<number, Uplink>) {
    this.#file = file;
    this.#uplinks = uplinks;
    this.#write();
  }

  static async open({ folder, endpoints }: LocalSystem): Promise<BoardNetwork> {
    const { mqttPort, credentialsPort } = endpoints.iot;
    const ports = [mqttPort, credentialsPort, Number(new URL(endpoints.kinesisVideoUrl).port)];
    const uplinks = new Map<number, Uplink>();
    for (const port of ports) uplinks.set(port, await Uplink.open(new URL(`tcp://127.0.0.1:${port}`)));
    return new BoardNetwork(join(folder.root, 'board-network.json'), uplinks);
  }

  /** The environment of the agent whose network this is. */
  get environment(): Record<string, string> {
    const preload = join(import.meta.dirname, 'board-network.cjs');
    return { BOARD_NETWORK: this.#file, NODE_OPTIONS: `--require ${preload}` };
  }

  /** No name is resolved any more; every connection is reset, so that new ones are needed. */
  loseNames(): void {
    this.#names = false;
    this.#write();
    for (const uplink of this.#uplinks.values()) {
      uplink.breakOff();
      uplink.comeBack();
    }
  }

  findNames(): void {
    this.#names = true;
    this.#write();
  }

  /** Of each connection towards the cloud; undefined: as fast as the machine. */
  setSpeed(bitsPerSecond: number | undefined): void {
    for (const uplink of this.#uplinks.values())
      uplink.conditions = bitsPerSecond === undefined ? {} : { bitsPerSecond };
  }

  async close(): Promise<void> {
    for (const uplink of this.#uplinks.values()) await uplink.close();
  }

  #write(): void {
    const ports = Object.fromEntries([...this.#uplinks].map(([port, uplink]) => [port, uplink.port]));
    writeFileSync(`${this.#file}.new`, JSON.stringify({ names: this.#names, ports }));
    // In one piece: the agent reads it at each connection.
    renameSync(`${this.#file}.new`, this.#file);
  }
}
