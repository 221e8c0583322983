import * as z from 'zod';
import { callService, ServiceCallError, type ServiceCaller } from '../../streaming/service-call.ts';
import type { IceServer } from '../peer/peer-library.ts';

export interface ChannelClientOptions extends Omit<ServiceCaller, 'streamName'> {
  channelName: string;
  /** Control plane of Kinesis Video Streams. */
  endpoint: URL;
  /** STUN servers beside the relays that the service lists. */
  stunServers: readonly IceServer[];
}

/** Where a channel is to be had. */
export interface Channel {
  arn: string;
  /** Of the WebSocket. */
  wss: URL;
  /** Of GetIceServerConfig. */
  https: URL;
}

const maxAnswerChars = 16_384;
/** Relays are asked for anew when their passwords have less left than this: somebody must still get to use them. */
const iceReserveMs = 60_000;
const longestLifeMs = 3_600_000;

const described = z.object({ ChannelInfo: z.object({ ChannelARN: z.string().min(1) }) });
const endpoints = z.object({
  ResourceEndpointList: z.array(z.object({ Protocol: z.string(), ResourceEndpoint: z.url() })),
});
const relays = z.object({
  IceServerList: z.array(
    z.object({
      Uris: z.array(z.string()).default([]),
      Username: z.string().optional(),
      Password: z.string().optional(),
      Ttl: z.number().positive(),
    }),
  ),
});

/** The board's signaling channel: what is asked of the service by HTTP (API Reference of Kinesis Video Streams). */
export class ChannelClient {
  readonly #options: ChannelClientOptions;
  #arn: string | undefined;
  #ice: { servers: Promise<readonly IceServer[]>; untilMs: number } | undefined;

  constructor(options: ChannelClientOptions) {
    this.#options = options;
  }

  /** Its endpoints as they are now; a channel keeps its ARN. Rejects as `callService`. */
  async locate(signal: AbortSignal): Promise<Channel> {
    this.#arn ??= await this.#describe(signal);
    const arn = this.#arn;
    const answer = await this.#call(signal, 'GetSignalingChannelEndpoint', {
      ChannelARN: arn,
      SingleMasterChannelEndpointConfiguration: { Protocols: ['WSS', 'HTTPS'], Role: 'MASTER' },
    });
    const list = parse(endpoints, answer, 'GetSignalingChannelEndpoint').ResourceEndpointList;
    const of = (protocol: string): URL => {
      const found = list.find(({ Protocol }) => Protocol === protocol);
      if (found === undefined) throw noAnswer('GetSignalingChannelEndpoint');
      return new URL(found.ResourceEndpoint);
    };
    return { arn, wss: of('WSS'), https: of('HTTPS') };
  }

  /** The channel was deleted, and perhaps made again. */
  forget(): void {
    this.#arn = undefined;
    this.forgetIceServers();
  }

  /** STUN and TURN servers with passwords that still last; however many ask at once, one request goes out. */
  iceServers(channel: Channel, signal: AbortSignal): Promise<readonly IceServer[]> {
    const now = this.#options.clock.monotonic();
    if (this.#ice !== undefined && now < this.#ice.untilMs) return this.#ice.servers;
    const asked = this.#askForRelays(channel, signal);
    const entry = { servers: asked.then(({ servers }) => servers), untilMs: Number.POSITIVE_INFINITY };
    this.#ice = entry;
    asked.then(
      ({ lifeMs }) => {
        entry.untilMs = this.#options.clock.monotonic() + Math.max(lifeMs - iceReserveMs, lifeMs / 2);
      },
      () => {
        if (this.#ice === entry) this.#ice = undefined;
      },
    );
    return entry.servers;
  }

  /** The relays are going away: the next viewer gets others. */
  forgetIceServers(): void {
    this.#ice = undefined;
  }

  async #askForRelays(
    { arn, https }: Channel,
    signal: AbortSignal,
  ): Promise<{ servers: readonly IceServer[]; lifeMs: number }> {
    const answer = await this.#call(
      signal,
      'GetIceServerConfig',
      { ChannelARN: arn, Service: 'TURN' },
      { endpoint: https, path: '/v1/get-ice-server-config' },
    );
    const list = parse(relays, answer, 'GetIceServerConfig').IceServerList;
    const servers = list.map(({ Uris, Username, Password }) => ({
      urls: Uris,
      ...(Username === undefined ? {} : { username: Username }),
      ...(Password === undefined ? {} : { credential: Password }),
    }));
    return {
      servers: [...this.#options.stunServers, ...servers],
      lifeMs: Math.min(...list.map(({ Ttl }) => Ttl * 1_000), longestLifeMs),
    };
  }

  async #describe(signal: AbortSignal): Promise<string> {
    const answer = await this.#call(signal, 'DescribeSignalingChannel', {
      ChannelName: this.#options.channelName,
    });
    return parse(described, answer, 'DescribeSignalingChannel').ChannelInfo.ChannelARN;
  }

  #call(
    signal: AbortSignal,
    operation: string,
    body: object,
    where: { endpoint: URL; path?: string } = { endpoint: this.#options.endpoint },
  ): Promise<unknown> {
    return callService(this.#options, { operation, body, maxAnswerChars, signal, ...where });
  }
}

/** The region's own STUN server, which GetIceServerConfig does not list (Developer Guide, "GetIceServerConfig"). */
export function regionalStunServer(region: string): IceServer {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return { urls: [`stun:stun.kinesisvideo.${region}.${domain}:443`] };
}

function parse<T>(schema: z.ZodType<T>, answer: unknown, operation: string): T {
  const parsed = schema.safeParse(answer);
  if (!parsed.success) throw noAnswer(operation);
  return parsed.data;
}

const noAnswer = (operation: string): ServiceCallError =>
  new ServiceCallError(`${operation} answered without what was asked for.`, {
    name: 'NO_ANSWER',
    decision: 'resend',
    advice: 'The agent tries again.',
  });
