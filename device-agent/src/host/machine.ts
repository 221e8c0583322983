import { readFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import type { Clock } from './clock.ts';

export interface MachineHealth {
  rssBytes: number;
  /** Of one core, over the last seconds. */
  cpuPercent: number;
  temperatureCelsius?: number;
}

/** CPU temperature of Linux boards, in thousandths of a degree (kernel documentation, thermal/sysfs-api). */
const temperatureFile = '/sys/class/thermal/thermal_zone0/temp';

/** CPU use is averaged over at least this long, whoever asks. */
const minReadingMs = 5_000;

/** What the agent knows about its own use of the machine. */
export class Machine {
  readonly #clock: Clock;
  #cpu = process.cpuUsage();
  #readAt: number;
  #cpuPercent = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#readAt = clock.monotonic();
  }

  health(): MachineHealth {
    const elapsedMs = this.#clock.monotonic() - this.#readAt;
    if (elapsedMs >= minReadingMs) this.#readCpu(elapsedMs);
    const temperature = Number(readText(temperatureFile) ?? Number.NaN);
    return {
      rssBytes: process.memoryUsage.rss(),
      cpuPercent: this.#cpuPercent,
      ...(Number.isFinite(temperature) ? { temperatureCelsius: temperature / 1000 } : {}),
    };
  }

  #readCpu(elapsedMs: number): void {
    const used = process.cpuUsage(this.#cpu);
    this.#cpuPercent = Math.round(((used.user + used.system) / 1000 / elapsedMs) * 1000) / 10;
    this.#cpu = process.cpuUsage();
    this.#readAt += elapsedMs;
  }
}

/** Identifies the machine's boot (random(4)); undefined where there is no such file, as anywhere but on Linux. */
export function readMachineBootId(bootIdFile: string): string | undefined {
  return readText(bootIdFile);
}

/** e.g. `Linux 6.1.0 arm64, 4 cores`. */
export function operatingSystem(): string {
  return `${type()} ${release()} ${process.arch}, ${cpus().length} cores`;
}

/** Files of /sys and /proc are answered from memory: reading them blocks no longer than a system call. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
