import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateSignalingChannelCommand,
  GetSignalingChannelEndpointCommand,
  KinesisVideoClient,
} from '@aws-sdk/client-kinesis-video';
import { KinesisVideoSignalingClient } from '@aws-sdk/client-kinesis-video-signaling';
import { Iam, roleSchema } from '../../kernel/iam.ts';
import type { AccessKey } from '../../kernel/principal.ts';
import type { Environment } from '../../kernel/service.ts';
import { accountKey, createTestEnvironment } from '../../kernel/testing/test-environment.ts';
import { createKinesisVideo, type KinesisVideo } from '../../kinesis-video/kinesis-video.ts';
import type { PeerLimits } from '../relay/peer.ts';
import { KinesisSignaling } from '../server.ts';
import { SignalingPeer, signedUrl } from './signaling-peer.ts';

/** Both services on free ports, with AWS's SDK before them. */
export class SignalingCloud {
  readonly environment: Environment & { dispose(): void };
  readonly signaling: KinesisSignaling;
  readonly control: KinesisVideoClient;
  readonly #video: KinesisVideo;
  readonly #peers: SignalingPeer[] = [];
  readonly #clients: KinesisVideoSignalingClient[] = [];

  private constructor(
    environment: Environment & { dispose(): void },
    signaling: KinesisSignaling,
    video: KinesisVideo,
  ) {
    this.environment = environment;
    this.signaling = signaling;
    this.#video = video;
    this.control = this.controlOf(accountKey);
  }

  static async start(limits: Partial<PeerLimits> = {}): Promise<SignalingCloud> {
    const environment = await createTestEnvironment();
    const iam = new Iam(environment.store, environment.accountId);
    iam.putRole(boardRole);
    const authorize: Iam['authorize'] = (...call) => iam.authorize(...call);
    const signaling = new KinesisSignaling(environment, { authorize, limits });
    const video = createKinesisVideo(environment, {
      authorize,
      furtherOperations: signaling.controlOperations,
    });
    await signaling.start();
    await video.start();
    return new SignalingCloud(environment, signaling, video);
  }

  controlOf({
    accessKeyId,
    secretAccessKey,
    sessionToken,
  }: Omit<AccessKey, 'principal'>): KinesisVideoClient {
    return new KinesisVideoClient({
      region: this.environment.region,
      endpoint: this.#video.url,
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
      maxAttempts: 1,
    });
  }

  /** The temporary credentials of a board, as the credential provider gives them. */
  boardKey(thingName: string): AccessKey & { sessionToken: string } {
    const key = {
      accessKeyId: `ASIA${thingName.toUpperCase()}`,
      secretAccessKey: 'secretOfTheBoard',
      sessionToken: 'token/of+the=board',
      principal: {
        kind: 'role',
        accessKeyId: `ASIA${thingName.toUpperCase()}`,
        roleName: boardRole.roleName,
        thingName,
        certificateId: 'c'.repeat(64),
      },
    } as const;
    this.environment.accessKeys.add(key);
    return key;
  }

  async createChannel(ChannelName: string, MessageTtlSeconds = 60): Promise<string> {
    const answer = await this.control.send(
      new CreateSignalingChannelCommand({ ChannelName, SingleMasterConfiguration: { MessageTtlSeconds } }),
    );
    return answer.ChannelARN ?? '';
  }

  async endpoint(ChannelARN: string, protocol: 'WSS' | 'HTTPS'): Promise<string> {
    const { ResourceEndpointList } = await this.control.send(
      new GetSignalingChannelEndpointCommand({
        ChannelARN,
        SingleMasterChannelEndpointConfiguration: { Protocols: [protocol], Role: 'MASTER' },
      }),
    );
    return ResourceEndpointList?.[0]?.ResourceEndpoint ?? '';
  }

  async signalingClient(channelArn: string): Promise<KinesisVideoSignalingClient> {
    const client = new KinesisVideoSignalingClient({
      region: this.environment.region,
      endpoint: await this.endpoint(channelArn, 'HTTPS'),
      credentials: accountKey,
      maxAttempts: 1,
    });
    this.#clients.push(client);
    return client;
  }

  /** A master, or with a client id a viewer; rejects with the status and code of a refusal. */
  async connect(
    channelArn: string,
    clientId?: string,
    key: Omit<AccessKey, 'principal'> = accountKey,
  ): Promise<SignalingPeer> {
    const endpoint = await this.endpoint(channelArn, 'WSS');
    const { region } = this.environment;
    const peer = await SignalingPeer.open(await signedUrl({ endpoint, region, channelArn, clientId, key }));
    this.#peers.push(peer);
    return peer;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.close()));
    for (const client of [this.control, ...this.#clients]) client.destroy();
    await this.#video.stop();
    await this.signaling.stop();
    this.environment.dispose();
  }
}

/** What boards may really do, as it stands beside the code. */
const boardRole = roleSchema.parse({
  roleName: 'board',
  policyDocument: JSON.parse(
    readFileSync(join(process.cwd(), 'device-agent/policies/board-role.json'), 'utf8')
      .replaceAll('REGION', '*')
      .replaceAll('ACCOUNT', '*'),
  ),
});
