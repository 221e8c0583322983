import type { RunningConfig } from '@aovis/contracts/shadow';
import type { CameraSource } from './camera-source.ts';

type CameraConfig = RunningConfig['camera'];

export interface CameraSettingsOptions {
  camera: { use(source: CameraSource): Promise<void> };
  sourceFor: (camera: CameraConfig) => CameraSource;
  /** Told what bitrate is wished of an encoder that may be changed; undefined when it may not. */
  onTarget: (bitrateBps: number | undefined) => void;
}

/** What the camera runs with: the wished settings, at a bitrate that the uplink carries. */
export class CameraSettings {
  readonly #options: CameraSettingsOptions;
  #wanted: CameraConfig | undefined;

  constructor(options: CameraSettingsOptions) {
    this.#options = options;
  }

  /** New settings; with `adaptive` the bitrate is an upper bound. */
  async use(wanted: CameraConfig, adaptive: boolean): Promise<void> {
    this.#wanted = wanted;
    this.#options.onTarget(adaptive ? wanted.bitrate_bps : undefined);
    await this.#options.camera.use(this.#options.sourceFor(wanted));
  }

  /** The same at another bitrate. */
  async useBitrate(bitrateBps: number): Promise<void> {
    if (this.#wanted === undefined) return;
    await this.#options.camera.use(this.#options.sourceFor({ ...this.#wanted, bitrate_bps: bitrateBps }));
  }
}
