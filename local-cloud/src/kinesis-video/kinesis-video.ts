import { join } from 'node:path';
import type { AdminRoute } from '../kernel/admin-route.ts';
import { type AwsAnswer, type AwsOperation, AwsServer } from '../kernel/aws-server.ts';
import type { Authorizer } from '../kernel/principal.ts';
import type { Environment, Service } from '../kernel/service.ts';
import { kinesisVideoAdminRoutes } from './admin-routes.ts';
import { StreamAccess } from './api.ts';
import { archivedOperations } from './archived/archived-operations.ts';
import { getMediaOperation } from './archived/get-media-operation.ts';
import { controlOperations } from './control-operations.ts';
import { HlsSessions } from './hls/hls-session.ts';
import { hlsSessionOperation } from './hls/hls-session-operation.ts';
import { playbackOperations } from './hls/playback-operations.ts';
import { FfmpegDecoder } from './images/ffmpeg-decoder.ts';
import { getImagesOperation } from './images/get-images-operation.ts';
import type { PictureDecoder } from './images/picture-decoder.ts';
import { type ConnectionPolicy, Connections } from './put-media/connections.ts';
import { putMediaOperation } from './put-media/put-media-operation.ts';
import { defaultSessionLimits, type SessionLimits } from './put-media/put-media-session.ts';
import { Quotas } from './quotas.ts';
import { State } from './state.ts';

export interface KinesisVideoOptions extends Authorizer {
  /** Default 0: a free one. */
  port?: number;
  /** What to do with a second PutMedia connection of a stream; default `overlap`. */
  connectionPolicy?: ConnectionPolicy;
  /** How long two connections may overlap; default 15 s. */
  overlapMs?: number;
  /** Times of PutMedia connections, for tests. */
  limits?: Partial<SessionLimits>;
  /** Makes the pictures of GetImages; default: ffmpeg, when it is on the PATH. */
  decoder?: PictureDecoder;
  /** What the endpoint answers besides: signaling channels have their control plane here. */
  furtherOperations?: readonly AwsOperation[];
  /** Media of one stream on disk; beyond it the oldest goes. Default 4 GiB. */
  maxStreamBytes?: number;
}

const retentionEveryMs = 30_000;

/** The Kinesis Video Streams stand-in: control plane, PutMedia, archived media and HLS playback on one endpoint. */
export class KinesisVideo implements Service {
  readonly name = 'kinesis-video';
  readonly adminRoutes: readonly AdminRoute[];
  /** The quotas in calls a second; may be switched off. */
  readonly quotas: Quotas;
  readonly #port: number;
  readonly #state: State;
  readonly #connections: Connections;
  readonly #server: AwsServer;
  #url = '';
  #running = false;
  #retention: NodeJS.Timeout | undefined;

  constructor(environment: Environment, options: KinesisVideoOptions) {
    const { region, accountId, clock, store, faults, accessKeys, log } = environment;
    this.#port = options.port ?? 0;
    this.quotas = new Quotas(clock);
    const state = new State({
      region,
      accountId,
      store,
      clock,
      directory: join(environment.directory, 'streams'),
      maxStreamBytes: options.maxStreamBytes ?? 4 * 1024 ** 3,
    });
    const connections = new Connections(options.connectionPolicy ?? 'overlap', options.overlapMs ?? 15_000);
    const sessions = new HlsSessions(store, clock);
    const access = new StreamAccess(state, options, { region, accountId });
    const limits = { ...defaultSessionLimits, ...options.limits };
    const context = {
      state,
      access,
      quotas: this.quotas,
      sessions,
      connections,
      clock,
      faults,
      limits,
      log,
      accountId,
    };
    const endpoint = (): string => this.#url;
    this.#state = state;
    this.#connections = connections;
    this.#server = new AwsServer({
      service: 'kinesis-video',
      signingNames: ['kinesisvideo'],
      operations: [
        ...controlOperations({
          ...context,
          endpoint,
          streamDeleted: (stream) => {
            for (const session of connections.of(stream.arn)) session.end(4008);
          },
        }),
        putMediaOperation(context),
        ...archivedOperations(context),
        getMediaOperation(context),
        getImagesOperation({ state, access, decoder: options.decoder ?? new FfmpegDecoder({ log }) }),
        hlsSessionOperation({ ...context, endpoint }),
        ...playbackOperations(context),
        ...(options.furtherOperations ?? []),
      ],
      headerPrefix: 'x-amz-',
      unknownOperation,
      accessKeys,
      clock,
      faults,
      log,
    });
    this.adminRoutes = kinesisVideoAdminRoutes({ state, connections, sessions, clock });
  }

  /** `http://127.0.0.1:port`, once started: control plane, data endpoint and playback alike. */
  get url(): string {
    return this.#url;
  }

  streamNames(): string[] {
    return this.#state.streams().map(({ name }) => name);
  }

  async start(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    // Opens every stream's media: half-written records of a killed process go, the index is read.
    this.#state.expire();
    this.#url = `http://127.0.0.1:${await this.#server.listen(this.#port)}`;
    this.#retention = setInterval(() => this.#state.expire(), retentionEveryMs);
    this.#retention.unref();
  }

  /** The streams are forgotten: their connections end and their media goes. */
  async reset(): Promise<void> {
    for (const session of this.#connections.all()) session.end(4008);
    await this.#state.settle();
    this.#state.expire();
  }

  async stop(): Promise<void> {
    clearInterval(this.#retention);
    for (const session of this.#connections.all()) session.end();
    await this.#server.close();
    await this.#state.settle();
    this.#running = false;
  }
}

export function createKinesisVideo(environment: Environment, options: KinesisVideoOptions): KinesisVideo {
  return new KinesisVideo(environment, options);
}

/** The service answers 200 to what it does not know, as callers of a misspelt path report. */
function unknownOperation(): AwsAnswer {
  return {
    json: { Output: { __type: 'com.amazon.coral.service#UnknownOperationException' }, Version: '1.0' },
  };
}
