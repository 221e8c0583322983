import { BedrockVision } from '../aws/bedrock.ts';
import { IotCertificates } from '../aws/iot-certificates.ts';
import { IotLineRegistry } from '../aws/iot-line-registry.ts';
import { IotPublisher } from '../aws/iot-publisher.ts';
import { IotShadows } from '../aws/iot-shadows.ts';
import { KinesisVideoClips } from '../aws/kinesis-video-clips.ts';
import { KinesisVideoHls } from '../aws/kinesis-video-hls.ts';
import { KinesisVideoImages } from '../aws/kinesis-video-images.ts';
import { KinesisVideoStreams } from '../aws/kinesis-video-streams.ts';
import { SignalingChannels } from '../aws/signaling-channels.ts';
import { type Config } from '../config/config.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { eiotclubCarrier } from '../eiotclub/connect.ts';
import type { Thumbnails, VisionModel } from '../features/ai/ai-ports.ts';
import { type IdTokenVerifier, JoseIdTokenVerifier } from '../features/auth/id-token-verifier.ts';
import type { CertificateRegistry } from '../features/binding/certificate-registry.ts';
import type { BoardPublisher } from '../features/commands/board-publisher.ts';
import type { PlanCheckouts } from '../features/data-plans/plan-checkouts.ts';
import type { SimCarrier } from '../features/data-plans/sim-carrier.ts';
import type { ShadowPort } from '../features/devices/shadow-port.ts';
import type { LineRegistry } from '../features/line/line-registry.ts';
import type { PaymentProvider } from '../features/orders/payment-port.ts';
import type { Clips, HlsSessions, LiveChannels, VideoStreams } from '../features/video/video-ports.ts';
import { checkoutSuccessPagePath, dataPlanPaidPagePath } from '../http/pages.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Mailer } from '../mail/mailer.ts';
import { SmtpMailer } from '../mail/smtp-mailer.ts';
import { StripePayments, stripeClient } from '../stripe/stripe-payments.ts';
import { StripePlanCheckouts } from '../stripe/stripe-plan-checkouts.ts';

/** What lies outside the program: tests put fakes in their place. */
export interface Adapters {
  db: Database;
  clock: Clock;
  log: Logger;
  mailer: Mailer;
  idTokens: IdTokenVerifier;
  shadows: ShadowPort;
  boardPublisher: BoardPublisher;
  certificates: CertificateRegistry;
  lineRegistry: LineRegistry;
  streams: VideoStreams;
  hls: HlsSessions;
  clips: Clips;
  liveChannels: LiveChannels;
  thumbnails: Thumbnails;
  /** Absent: nothing is summarized. */
  visionModel?: VisionModel | undefined;
  /** Absent: nothing can be bought. */
  payments?: PaymentProvider | undefined;
  planCheckouts?: PlanCheckouts | undefined;
  /** Absent: paid data plans wait. */
  carrier?: SimCarrier | undefined;
  close(): Promise<void>;
}

export function productionAdapters(config: Config, log: Logger): Adapters {
  const db = openDatabase({
    url: config.databaseUrl,
    poolSize: config.databasePoolSize,
    log: log.child({ part: 'database' }),
  });
  const iotData = { region: config.awsRegion, endpoint: config.iotDataUrl };
  const shadows = new IotShadows(iotData);
  const boardPublisher = new IotPublisher(iotData);
  const certificates = new IotCertificates({ region: config.awsRegion, endpoint: config.iotControlUrl });
  const lineRegistry = new IotLineRegistry({
    region: config.awsRegion,
    endpoint: config.iotControlUrl,
    policyName: config.iotPolicy,
    thingType: config.iotThingType,
  });
  const video = { region: config.awsRegion, endpoint: config.kinesisVideoUrl };
  const streams = new KinesisVideoStreams(video);
  const hls = new KinesisVideoHls(video);
  const clips = new KinesisVideoClips(video);
  const liveChannels = new SignalingChannels(video, systemClock);
  const thumbnails = new KinesisVideoImages(video);
  const visionModel = bedrockVision(config);
  return {
    db,
    clock: systemClock,
    log,
    mailer: new SmtpMailer({
      url: config.smtpUrl,
      from: config.mailFrom,
      requireTls: config.environment === 'production',
    }),
    idTokens: new JoseIdTokenVerifier(
      {
        google: {
          issuers: config.googleIssuers,
          jwksUrl: config.googleJwksUrl,
          audiences: config.googleClientIds,
        },
        apple: {
          issuers: config.appleIssuers,
          jwksUrl: config.appleJwksUrl,
          audiences: config.appleClientIds,
        },
      },
      systemClock,
    ),
    shadows,
    boardPublisher,
    certificates,
    lineRegistry,
    streams,
    hls,
    clips,
    liveChannels,
    thumbnails,
    visionModel,
    payments: orderPayments(config),
    planCheckouts: planCheckouts(config),
    carrier: eiotclubCarrier(config, db),
    close: async () => {
      for (const client of [
        shadows,
        boardPublisher,
        certificates,
        lineRegistry,
        streams,
        hls,
        clips,
        liveChannels,
        thumbnails,
      ])
        client.close();
      visionModel?.close();
      await db.destroy();
    },
  };
}

function bedrockVision({
  aiSummaries,
  awsRegion: region,
  bedrockUrl: endpoint,
  bedrockModel: modelId,
}: Config) {
  return aiSummaries === 'on' ? new BedrockVision({ region, endpoint, modelId }) : undefined;
}

function orderPayments({ stripeSecretKey, stripeUrl, publicUrl, shippingCountries }: Config) {
  if (stripeSecretKey === undefined) return undefined;
  const successUrl = `${publicUrl}${checkoutSuccessPagePath}?session_id={CHECKOUT_SESSION_ID}`;
  const stripe = stripeClient({ secretKey: stripeSecretKey, url: stripeUrl });
  return new StripePayments(stripe, { successUrl, shippingCountries });
}

function planCheckouts({ stripeSecretKey, stripeUrl, publicUrl }: Config) {
  if (stripeSecretKey === undefined) return undefined;
  const stripe = stripeClient({ secretKey: stripeSecretKey, url: stripeUrl });
  return new StripePlanCheckouts(stripe, { returnUrl: `${publicUrl}${dataPlanPaidPagePath}` });
}
