import type { Clock } from '../../host/clock.ts';
import type { BoardIdentity, Identity } from '../../identity/board-identity.ts';
import type { IotConnection } from '../../iot/iot-connection.ts';
import { JobEnded } from '../job-handler.ts';

/** Handshake, CONNACK and subscriptions, over a slow uplink, and some attempts of it. */
const connectedWithinMs = 90_000;

export interface TrialOptions {
  identity: BoardIdentity;
  connection: Pick<IotConnection, 'state' | 'onConnected'> & { reconnect(): Promise<void> };
  /** Gets credentials for the video anew; rejects when the cloud refuses them. */
  renewCredentials: () => Promise<void>;
  clock: Clock;
}

/** Moves the board from one identity to another, as far as the cloud lets it. */
export class Trial {
  readonly #options: TrialOptions;
  #onConnected = (): void => {};

  constructor(options: TrialOptions) {
    this.#options = options;
    options.connection.onConnected(() => this.#onConnected());
  }

  /**
   * The board speaks by this identity already, or connects by it; false when the cloud is not reached by it in time.
   * @throws JobEnded when the agent stops
   */
  async move(identity: Identity, signal: AbortSignal): Promise<boolean> {
    const { identity: board, connection } = this.#options;
    const same = board.current.certificateId === identity.certificateId;
    board.use(identity);
    if (same && connection.state === 'connected') return true;
    const connected = this.#untilConnected(signal);
    await connection.reconnect();
    const reached = await connected;
    if (signal.aborted) throw new JobEnded(undefined);
    return reached;
  }

  /** Whether credentials can be had by the identity of the moment. */
  async hasCredentials(): Promise<boolean> {
    return this.#options.renewCredentials().then(
      () => true,
      () => false,
    );
  }

  #untilConnected(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (connected: boolean): void => {
        cancel();
        signal.removeEventListener('abort', aborted);
        this.#onConnected = () => {};
        resolve(connected);
      };
      const aborted = (): void => done(false);
      const cancel = this.#options.clock.after(connectedWithinMs, () => done(false));
      signal.addEventListener('abort', aborted, { once: true });
      this.#onConnected = () => done(true);
      if (signal.aborted) done(false);
    });
  }
}
