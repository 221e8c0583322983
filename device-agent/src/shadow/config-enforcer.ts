import type { RunningConfig } from '@aovis/contracts/shadow';
import type { CameraSettings } from '../camera/camera-settings.ts';
import type { Telemetry } from '../events/telemetry.ts';
import type { Logger, PartLoggers } from '../host/logger.ts';
import type { StreamUploader } from '../streaming/stream-uploader.ts';
import { diffState } from './state-diff.ts';

export interface ConfigEnforcerOptions {
  loggers: PartLoggers;
  telemetry: Telemetry;
  streaming: StreamUploader;
  camera: CameraSettings;
  logger: Logger;
}

/** Puts a configuration into force: tells each part what concerns it, one configuration after the other. */
export class ConfigEnforcer {
  readonly #options: ConfigEnforcerOptions;
  #camera: (RunningConfig['camera'] & { adaptive: boolean }) | undefined;
  #settled: Promise<void> = Promise.resolve();

  constructor(options: ConfigEnforcerOptions) {
    this.#options = options;
  }

  readonly enforce = (running: RunningConfig): Promise<void> => {
    this.#settled = this.#settled
      .then(() => this.#tellParts(running))
      .catch((error: unknown) => {
        this.#options.logger.error(
          { err: error },
          'A new setting could not be put into force; restart the agent.',
        );
      });
    return this.#settled;
  };

  async #tellParts({ log_level, telemetry, camera, stream }: RunningConfig): Promise<void> {
    this.#options.loggers.setLevel(log_level);
    this.#options.telemetry.setInterval(telemetry.interval_s);
    const wanted = { ...camera, adaptive: stream.adaptive };
    if (this.#camera === undefined || diffState(this.#camera, wanted) !== undefined)
      await this.#options.camera.use(camera, stream.adaptive);
    this.#camera = wanted;
    await this.#options.streaming.setMode(stream.mode);
    await this.#options.streaming.setEnabled(stream.enabled);
  }
}
