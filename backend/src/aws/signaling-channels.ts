import {
  CreateSignalingChannelCommand,
  DescribeSignalingChannelCommand,
  GetSignalingChannelEndpointCommand,
  KinesisVideoClient,
} from '@aws-sdk/client-kinesis-video';
import {
  GetIceServerConfigCommand,
  KinesisVideoSignalingClient,
} from '@aws-sdk/client-kinesis-video-signaling';
import { z } from 'zod';
import type { IceServer, LiveChannels, LiveInvitation } from '../features/video/video-ports.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { isAwsError, translateAwsError } from './aws-errors.ts';
import { type AwsClientSettings, clientConfig } from './client-settings.ts';
import { presignedSeconds, presignWebSocket } from './presigned-websocket.ts';

const endpointsSchema = z.object({ WSS: z.string(), HTTPS: z.string() });
type Endpoints = z.output<typeof endpointsSchema>;

/** Being made or being deleted: it passes. */
const notReady = ['ResourceNotFoundException', 'ResourceInUseException'];

interface Relays {
  servers: IceServer[];
  /** Until the first password ends. */
  ttlSeconds: number;
}

/** Signaling channels of Kinesis Video Streams with WebRTC. */
export class SignalingChannels implements LiveChannels {
  readonly #settings: AwsClientSettings;
  readonly #clock: Clock;
  readonly #control: KinesisVideoClient;
  /** Channels share a handful of endpoints. */
  readonly #clients = new Map<string, KinesisVideoSignalingClient>();

  constructor(settings: AwsClientSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#control = new KinesisVideoClient(clientConfig(settings));
  }

  async ensureChannel(channel: string): Promise<void> {
    await translated(() => this.#arnOf(channel));
  }

  async invite(channel: string, clientId: string): Promise<LiveInvitation> {
    return translated(async () => {
      const arn = await this.#arnOf(channel);
      const endpoints = await this.#endpointsOf(arn);
      const relays = await this.#relays(endpoints.HTTPS, arn, clientId);
      return this.#invitation({ arn, clientId, wss: endpoints.WSS, relays });
    });
  }

  /** Looked up before it is made: it nearly always exists. */
  async #arnOf(channel: string): Promise<string> {
    const found = await this.#find(channel);
    if (found !== undefined) return found;
    try {
      const { ChannelARN: arn } = await this.#control.send(
        new CreateSignalingChannelCommand({ ChannelName: channel, ChannelType: 'SINGLE_MASTER' }),
      );
      if (arn === undefined) throw new Error('CreateSignalingChannel answered without an ARN');
      return arn;
    } catch (error) {
      // Somebody else was faster.
      const made = isAwsError(error, 'ResourceInUseException') ? await this.#find(channel) : undefined;
      if (made === undefined) throw error;
      return made;
    }
  }

  async #find(channel: string): Promise<string | undefined> {
    try {
      const { ChannelInfo: info } = await this.#control.send(
        new DescribeSignalingChannelCommand({ ChannelName: channel }),
      );
      return info?.ChannelARN;
    } catch (error) {
      if (isAwsError(error, 'ResourceNotFoundException')) return undefined;
      throw error;
    }
  }

  async #endpointsOf(channelArn: string): Promise<Endpoints> {
    const { ResourceEndpointList: list = [] } = await this.#control.send(
      new GetSignalingChannelEndpointCommand({
        ChannelARN: channelArn,
        SingleMasterChannelEndpointConfiguration: { Protocols: ['WSS', 'HTTPS'], Role: 'VIEWER' },
      }),
    );
    return endpointsSchema.parse(
      Object.fromEntries(list.map(({ Protocol, ResourceEndpoint }) => [Protocol, ResourceEndpoint])),
    );
  }

  async #relays(endpoint: string, channelArn: string, clientId: string): Promise<Relays> {
    const { IceServerList: list = [] } = await this.#clientFor(endpoint).send(
      new GetIceServerConfigCommand({ ChannelARN: channelArn, ClientId: clientId, Service: 'TURN' }),
    );
    const servers = list.map(({ Uris: urls = [], Username: username, Password: credential }) => ({
      urls,
      ...(username !== undefined && { username }),
      ...(credential !== undefined && { credential }),
    }));
    const ttlSeconds = Math.min(...list.map(({ Ttl: ttl = presignedSeconds }) => ttl));
    return { servers: servers.filter(({ urls }) => urls.length > 0), ttlSeconds };
  }

  async #invitation({
    arn,
    clientId,
    wss,
    relays,
  }: {
    arn: string;
    clientId: string;
    wss: string;
    relays: Relays;
  }): Promise<LiveInvitation> {
    const at = this.#clock.now();
    const { region } = this.#settings;
    const { sha256, credentials: provide } = this.#control.config;
    // The signature allows nothing but this one connection, so the backend's own credentials may make it.
    const credentials = await provide();
    const query = { 'X-Amz-ChannelARN': arn, 'X-Amz-ClientId': clientId };
    const wssUrl = await presignWebSocket(wss, query, at, { region, credentials, sha256 });
    const endsAtMs = Math.min(
      at.getTime() + Math.min(presignedSeconds, relays.ttlSeconds) * 1_000,
      credentials.expiration?.getTime() ?? Infinity,
    );
    return {
      wssUrl,
      iceServers: [...stunServers(this.#settings), ...relays.servers],
      expiresAt: new Date(endsAtMs),
    };
  }

  #clientFor(endpoint: string): KinesisVideoSignalingClient {
    const known = this.#clients.get(endpoint);
    if (known !== undefined) return known;
    const client = new KinesisVideoSignalingClient(clientConfig({ ...this.#settings, endpoint }));
    this.#clients.set(endpoint, client);
    return client;
  }

  close(): void {
    this.#control.destroy();
    for (const client of this.#clients.values()) client.destroy();
  }
}

/** The service has one in every region and does not list it. A stand-in for the service has none. */
export function stunServers({ region, endpoint }: AwsClientSettings): IceServer[] {
  if (endpoint !== undefined) return [];
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return [{ urls: [`stun:stun.kinesisvideo.${region}.${suffix}:443`] }];
}

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isAwsError(error, ...notReady))
      throw new AppError('service_unavailable', { cause: error, retryAfterMs: 2_000 });
    throw translateAwsError(error);
  }
}
