import { join } from 'node:path';
import type { Endpoints } from './endpoints.ts';
import { type PartnerSecrets, simCarrierAppKey } from './partner-setup.ts';
import { confirmingModel } from './sample-order.ts';
import type { SystemFolder } from './system-folder.ts';

export interface BackendPlace {
  endpoints: Endpoints;
  folder: SystemFolder;
  databaseUrl: string;
  /** Where it listens on 127.0.0.1. */
  port: number;
}

/** What `.env.example` asks for, for the backend of one local system and for the operator's commands on it. */
export function backendEnvironment({
  endpoints,
  folder,
  databaseUrl,
  port,
}: BackendPlace): Record<string, string> {
  const { google, apple } = endpoints.oidc;
  const secrets = partnerSecrets(folder);
  return {
    AOVIS_ENVIRONMENT: 'development',
    DATABASE_URL: databaseUrl,
    AOVIS_HTTP_PORT: String(port),
    AOVIS_PUBLIC_URL: `http://127.0.0.1:${port}`,
    AOVIS_ACCESS_TOKEN_SECRET_FILE: folder.secretFile('access-token'),
    AOVIS_SESSION_SECRET_FILE: folder.secretFile('session'),
    AOVIS_ACTIVATION_PEPPERS: `p1:${folder.secret('pepper')}`,
    AOVIS_PROOF_MODELS: confirmingModel,
    AOVIS_IOT_EVENT_SECRET_FILE: folder.secretFile('iot-event'),
    AOVIS_GOOGLE_CLIENT_IDS: 'local-app',
    AOVIS_GOOGLE_ISSUERS: google,
    AOVIS_GOOGLE_JWKS_URL: `${google}/oauth2/v3/certs`,
    AOVIS_APPLE_CLIENT_IDS: 'local-app',
    AOVIS_APPLE_ISSUERS: apple,
    AOVIS_APPLE_JWKS_URL: `${apple}/auth/keys`,
    AOVIS_SMTP_URL: `smtp://127.0.0.1:${endpoints.mail.smtpPort}`,
    AOVIS_AWS_REGION: endpoints.region,
    AOVIS_IOT_DATA_URL: endpoints.iot.dataUrl,
    AOVIS_IOT_CONTROL_URL: endpoints.iot.controlUrl,
    AOVIS_KINESIS_VIDEO_URL: endpoints.kinesisVideoUrl,
    AOVIS_AI_SUMMARIES: 'on',
    AOVIS_BEDROCK_URL: endpoints.bedrockUrl,
    AOVIS_STRIPE_SECRET_KEY: 'sk_test_localcloud',
    AOVIS_STRIPE_URL: endpoints.stripeUrl,
    AOVIS_STRIPE_WEBHOOK_SECRET: secrets.stripeOrders,
    AOVIS_STRIPE_DATA_PLAN_WEBHOOK_SECRET: secrets.stripeDataPlans,
    EIOTCLUB_APP_KEY: simCarrierAppKey,
    EIOTCLUB_BASE_URL: endpoints.eiotclubUrl,
    EIOTCLUB_SECRET: secrets.simCarrier,
    EIOTCLUB_WEBHOOK_SECRET: secrets.simCarrier,
    CRON_SECRET_FILE: folder.secretFile('cron'),
    AOVIS_AUDIT_ANCHOR_FILE: join(folder.root, 'audit-anchors'),
    AWS_ACCESS_KEY_ID: endpoints.accessKeyId,
    AWS_SECRET_ACCESS_KEY: endpoints.secretAccessKey,
  };
}

/** What the partners sign their messages to this system with. */
export function partnerSecrets(folder: SystemFolder): PartnerSecrets {
  return {
    stripeOrders: webhookSecret(folder.secret('stripe-orders')),
    stripeDataPlans: webhookSecret(folder.secret('stripe-data-plans')),
    simCarrier: folder.secret('sim-carrier'),
  };
}

/** In the form of Stripe's: letters and digits only. */
function webhookSecret(base64url: string): string {
  return `whsec_${Buffer.from(base64url, 'base64url').toString('hex')}`;
}
