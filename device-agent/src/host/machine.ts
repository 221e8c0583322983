import { readFile } from 'node:fs/promises';
import { cpus, release, type } from 'node:os';
import type { Clock } from './clock.ts';

export interface MachineHealth {
  rssBytes: number;
  /** Of one core, since the last reading. */
  cpuPercent: number;
  temperatureCelsius?: number;
}

/** CPU temperature of Linux boards, in thousandths of a degree (kernel documentation, thermal/sysfs-api). */
const temperatureFile = '/sys/class/thermal/thermal_zone0/temp';
/** Changes with every boot of the machine (random(4)). */
const bootIdFile = '/proc/sys/kernel/random/boot_id';

/** What the agent knows about the machine it runs on and about its own use of it. */
export class Machine {
  readonly #clock: Clock;
  #lastCpu = process.cpuUsage();
  #lastReadAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastReadAt = clock.monotonic();
  }

  async health(): Promise<MachineHealth> {
    const temperature = await readText(temperatureFile);
    return {
      rssBytes: process.memoryUsage.rss(),
      cpuPercent: this.#cpuPercent(),
      ...(temperature === undefined ? {} : { temperatureCelsius: Number(temperature) / 1000 }),
    };
  }

  #cpuPercent(): number {
    const used = process.cpuUsage(this.#lastCpu);
    const now = this.#clock.monotonic();
    const elapsedMs = now - this.#lastReadAt;
    this.#lastCpu = process.cpuUsage();
    this.#lastReadAt = now;
    if (elapsedMs <= 0) return 0;
    return Math.round(((used.user + used.system) / 1000 / elapsedMs) * 1000) / 10;
  }
}

/** Identifies the machine's boot; undefined where the system has no such id (anything but Linux). */
export function readMachineBootId(): Promise<string | undefined> {
  return readText(bootIdFile);
}

/** e.g. `Linux 6.1.0 arm64, 4 cores`. */
export function operatingSystem(): string {
  return `${type()} ${release()} ${process.arch}, ${cpus().length} cores`;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return undefined;
  }
}
