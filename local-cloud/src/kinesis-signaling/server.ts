import { randomBytes } from 'node:crypto';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { type AwsOperation, AwsServer } from '../kernel/aws-server.ts';
import type { Authorizer } from '../kernel/principal.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { signalingAdminRoutes } from './admin-routes.ts';
import { ChannelAccess } from './channel-access.ts';
import { channelControlOperations } from './control-operations.ts';
import { iceServerOperation } from './ice-server-operation.ts';
import { ChannelQuotas } from './quotas.ts';
import { ChannelRelay } from './relay/channel-relay.ts';
import { connectHandler } from './relay/connect.ts';
import { defaultPeerLimits, type PeerLimits } from './relay/peer.ts';
import { type ChannelRecord, Channels } from './state.ts';
import { StunServer } from './stun-server.ts';

export interface KinesisSignalingOptions extends Authorizer {
  /** Default 0: a free one. */
  port?: number;
  /** Times of connections, for tests. */
  limits?: Partial<PeerLimits>;
}

/**
 * The stand-in for the signaling channels of Kinesis Video Streams: ICE configuration and the WebSocket relay on an
 * endpoint of its own. `controlOperations` belong on the endpoint of Kinesis Video Streams.
 */
export class KinesisSignaling implements Service {
  readonly name = 'kinesis-signaling';
  readonly adminRoutes: readonly AdminRoute[];
  readonly controlOperations: readonly AwsOperation[];
  readonly #environment: Environment;
  readonly #port: number;
  readonly #limits: PeerLimits;
  readonly #channels: Channels;
  readonly #quotas: ChannelQuotas;
  readonly #server: AwsServer;
  readonly #stun = new StunServer();
  /** By the channel's ARN. */
  readonly #relays = new Map<string, ChannelRelay>();
  #listeningPort = 0;

  constructor(environment: Environment, options: KinesisSignalingOptions) {
    const { clock, faults, accessKeys, log, accountId } = environment;
    this.#environment = environment;
    this.#port = options.port ?? 0;
    this.#limits = { ...defaultPeerLimits, ...options.limits };
    const channels = new Channels(environment);
    const quotas = new ChannelQuotas(clock, faults);
    const access = new ChannelAccess(channels, options, accountId);
    const relay = (channel: ChannelRecord): ChannelRelay => this.#relay(channel);
    this.#channels = channels;
    this.#quotas = quotas;
    this.controlOperations = channelControlOperations({
      channels,
      access,
      quotas,
      accountId,
      host: () => `127.0.0.1:${this.#listeningPort}`,
      channelDeleted: (channel) => {
        this.#relays.get(channel.arn)?.end('the channel was deleted');
        this.#relays.delete(channel.arn);
      },
    });
    const relayUri = (): string => `turn:127.0.0.1:${this.#stun.port}?transport=udp`;
    this.#server = new AwsServer({
      service: 'kinesis-signaling',
      signingNames: ['kinesisvideo'],
      operations: [iceServerOperation({ access, quotas, clock, relayUri, passwordKey: randomBytes(32) })],
      upgrade: connectHandler({ access, quotas, relay, accessKeys, clock, faults }),
      headerPrefix: 'x-amz-',
      accessKeys,
      clock,
      faults,
      log,
    });
    this.adminRoutes = signalingAdminRoutes({ channels, relay });
  }

  /** Meaningful once started. */
  get port(): number {
    return this.#listeningPort;
  }

  async start(): Promise<void> {
    await this.#stun.start();
    this.#listeningPort = await this.#server.listen(this.#port);
  }

  /** The channels are forgotten: their connections end. */
  reset(): void {
    for (const relay of this.#relays.values()) relay.end('the channel was deleted');
    this.#relays.clear();
    this.#quotas.forget();
  }

  async stop(): Promise<void> {
    for (const relay of this.#relays.values()) relay.cut();
    await this.#server.close();
    await this.#stun.stop();
  }

  #relay(channel: ChannelRecord): ChannelRelay {
    let relay = this.#relays.get(channel.arn);
    if (relay === undefined) {
      const { clock, faults } = this.#environment;
      relay = new ChannelRelay({
        channelName: channel.name,
        messageTtlSeconds: () =>
          this.#channels.find(channel.name)?.messageTtlSeconds ?? channel.messageTtlSeconds,
        limits: this.#limits,
        clock,
        faults,
      });
      this.#relays.set(channel.arn, relay);
    }
    return relay;
  }
}
