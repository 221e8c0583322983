import { sleep } from '../../camera/sleep.ts';
import type { CredentialSource } from '../../credentials/credential-source.ts';
import { Backoff } from '../../host/backoff.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/logger.ts';
import type { IceServer } from '../peer/peer-library.ts';
import type { Channel, ChannelClient } from './channel-client.ts';
import { type OutgoingMessage, readFrame, type SignalingMessage } from './message.ts';
import { Outbox } from './outbox.ts';
import { signMasterUrl } from './presigned-url.ts';
import { SignalingConnection } from './signaling-connection.ts';
import { signalingFailureOf } from './signaling-failure.ts';

const firstWaitMs = 1_000;
const longestWaitMs = 60_000;
/** A connection that held for so long was a good one: the next failure starts with a short wait again. */
const stableMs = 30_000;

export interface SignalingOptions {
  channel: ChannelClient;
  region: string;
  credentials: CredentialSource;
  userAgent: string;
  /** Authorities trusted for wss, PEM; default Node's own. */
  ca?: string | Buffer | undefined;
  clock: Clock;
  logger: Logger;
  random: () => number;
  newCorrelationId: () => string;
  onMessage: (message: Extract<SignalingMessage, { clientId: string }>) => void;
  /** The service's relays are going away. */
  onIceServersChanged: () => void;
}

/**
 * The board as master of its signaling channel: connected as long as it runs, back by itself after any end. At GO_AWAY the
 * next connection is opened before the old one is left, so that no viewer knocks in vain.
 */
export class Signaling {
  readonly #options: SignalingOptions;
  readonly #backoff: Backoff;
  readonly #outbox: Outbox;
  #channel: Channel | undefined;
  #connection: SignalingConnection | undefined;
  #running: { controller: AbortController; done: Promise<void> } | undefined;
  #problem: string | undefined = 'It has not been connected yet.';

  constructor(options: SignalingOptions) {
    const { clock, newCorrelationId, random } = options;
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: firstWaitMs, capMs: longestWaitMs, random });
    const send = (frame: string): boolean => this.#connection?.send(frame) ?? false;
    this.#outbox = new Outbox({ clock, newCorrelationId, send });
  }

  start(): void {
    if (this.#running !== undefined) return;
    const controller = new AbortController();
    this.#running = { controller, done: this.#run(controller.signal) };
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.controller.abort();
    await running?.done;
    this.#outbox.stop();
  }

  /** Why it is not connected, and what to do; undefined while it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Goes out when it may; lost when there is no connection for half a minute. */
  send(message: OutgoingMessage): void {
    this.#outbox.push(message);
  }

  /** Drops what has not gone out to a viewer. */
  forget(clientId: string): void {
    this.#outbox.forget(clientId);
  }

  /** Relays for a new viewer. None when they cannot be had: on the same network viewers need none. */
  async iceServers(signal: AbortSignal): Promise<readonly IceServer[]> {
    if (this.#channel === undefined) return [];
    try {
      return await this.#options.channel.iceServers(this.#channel, signal);
    } catch (error) {
      const { message } = signalingFailureOf(error);
      this.#options.logger.warn(
        `A viewer gets no relays, so it is only seen on the same network: ${message}`,
      );
      return [];
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    let replaced: SignalingConnection | undefined;
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      let goAway = false;
      try {
        goAway = await this.#connectOnce(signal, replaced);
        replaced = goAway ? this.#connection : undefined;
        if (clock.monotonic() - startedAt >= stableMs) this.#backoff.reset();
      } catch (error) {
        if (!signal.aborted) this.#onFailure(error);
      }
      // Asked to leave: what follows must be there before the service ends this one.
      if (signal.aborted || (goAway && clock.monotonic() - startedAt >= firstWaitMs)) continue;
      const delayMs = this.#backoff.next();
      logger.debug({ delayMs }, 'The signaling channel is tried again.');
      await sleep(clock, delayMs, signal);
    }
    await this.#connection?.close();
    this.#connection = undefined;
  }

  /** One connection, from the call for its address to its end. True when it is to be replaced but still holds. */
  async #connectOnce(signal: AbortSignal, replaced: SignalingConnection | undefined): Promise<boolean> {
    const { channel, credentials, region, userAgent, ca, clock, logger } = this.#options;
    let onGoAway = (): void => {};
    const goAway = new Promise<'go away'>((resolve) => {
      onGoAway = () => resolve('go away');
    });
    this.#channel = await channel.locate(signal);
    const { arn: channelArn, wss } = this.#channel;
    const url = signMasterUrl({
      endpoint: wss,
      channelArn,
      region,
      credentials: await credentials.get(),
      date: new Date(clock.now()),
    });
    const onFrame = (text: string): void => this.#onFrame(text, onGoAway);
    const connection = await SignalingConnection.open({ url, userAgent, ca, clock, signal, onFrame });
    this.#connection = connection;
    this.#problem = undefined;
    logger.info({ channel: channelArn.split('/')[1] }, 'Viewers can reach the board.');
    this.#outbox.flush();
    void replaced?.close();
    const end = await Promise.race([goAway, connection.ended]);
    if (end === 'go away') {
      logger.info('The signaling service asks the board to connect anew.');
      return true;
    }
    if (this.#connection === connection) this.#connection = undefined;
    this.#problem = `The signaling connection ended (${end}); the agent connects again.`;
    if (!signal.aborted) logger.warn(this.#problem);
    return false;
  }

  #onFailure(error: unknown): void {
    const { channel, credentials, logger } = this.#options;
    const { message, renew, relocate } = signalingFailureOf(error);
    if (renew) credentials.forget();
    if (relocate) channel.forget();
    logger[this.#problem === message ? 'debug' : 'warn'](message);
    this.#problem = message;
  }

  #onFrame(text: string, onGoAway: () => void): void {
    const { logger, channel, onMessage, onIceServersChanged } = this.#options;
    const message = readFrame(text);
    if (message === undefined) return;
    switch (message.type) {
      case 'go-away':
        return onGoAway();
      case 'reconnect-ice-server':
        channel.forgetIceServers();
        return onIceServersChanged();
      case 'refused':
        return logger.warn(
          { errorType: message.errorType, description: message.description.slice(0, 200) },
          'The signaling service refused a message to a viewer.',
        );
      case 'offer':
      case 'candidate':
        return onMessage(message);
    }
  }
}
