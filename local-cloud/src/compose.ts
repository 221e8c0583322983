import { join } from 'node:path';
import { pino } from 'pino';
import { Admin } from './admin/server.ts';
import { Bedrock } from './bedrock/server.ts';
import { type Config, type PortName, settings } from './config.ts';
import { CredentialProvider } from './credential-provider/server.ts';
import { Eiotclub } from './eiotclub/server.ts';
import type { Endpoints } from './endpoints-file.ts';
import { Identity } from './identity/server.ts';
import { createBroker } from './iot-broker/broker.ts';
import { registryTargets } from './iot-core/job-targets.ts';
import { IotCore } from './iot-core/server.ts';
import { createIotData } from './iot-data/server.ts';
import { Shadows } from './iot-data/shadows.ts';
import { IotJobs } from './iot-jobs/iot-jobs.ts';
import { Clock } from './kernel/clock.ts';
import { hasCode } from './kernel/errno.ts';
import { Faults } from './kernel/faults.ts';
import { Iam } from './kernel/iam.ts';
import { Pki } from './kernel/pki.ts';
import { AccessKeys, type Authorizer } from './kernel/principal.ts';
import type { Environment, Service } from './kernel/service.ts';
import { StateDirectory } from './kernel/state-directory.ts';
import { Store } from './kernel/store.ts';
import { KinesisSignaling } from './kinesis-signaling/server.ts';
import { createKinesisVideo } from './kinesis-video/kinesis-video.ts';
import { Kms } from './kms/server.ts';
import { Mail } from './mail/server.ts';
import { ServiceQuotas } from './service-quotas/server.ts';
import { Stripe } from './stripe/server.ts';

export interface LocalCloud {
  /** Where everything is; meaningful once started. */
  endpoints(): Endpoints;
  /** Starts all services; a failure stops those that run already. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** All stand-ins over one state folder. */
export async function composeLocalCloud(config: Config): Promise<LocalCloud> {
  const state = StateDirectory.open(config.directory);
  const environment = await openEnvironment(config, state).catch((error: unknown) => {
    state.close();
    throw error;
  });
  const { region, accountId, store, clock } = environment;
  const iam = new Iam(store, accountId);
  /** A port that is not set is the one it was last time. */
  const port = (name: PortName): number => config[name] || state.port(name);

  const iotJobs = new IotJobs(environment, registryTargets(environment), () => broker);
  const iotCore = new IotCore(
    environment,
    iam,
    {
      mqtt: () => `localhost:${broker.port}`,
      data: () => `localhost:${iotData.port}`,
      credentials: () => `localhost:${credentials.port}`,
    },
    port('iotPort'),
    iotJobs.controlOperations,
  );
  const broker = createBroker(environment, iotCore.registry, { port: port('mqttPort') });
  const shadows = new Shadows({ store, clock });
  const iotData = createIotData(environment, shadows, broker, {
    port: port('iotDataPort'),
    furtherOperations: iotJobs.dataOperations,
  });
  const credentials = new CredentialProvider(environment, iam, iotCore, port('credentialsPort'));
  const authorize: Authorizer['authorize'] = (principal, action, resourceArn) =>
    iam.authorize(principal, action, resourceArn);
  const kinesisSignaling = new KinesisSignaling(environment, {
    authorize,
    port: port('kinesisSignalingPort'),
  });
  const kinesisVideo = createKinesisVideo(
    { ...environment, directory: join(config.directory, 'kinesis-video') },
    {
      authorize,
      port: port('kinesisVideoPort'),
      furtherOperations: kinesisSignaling.controlOperations,
    },
  );
  const bedrock = new Bedrock(environment, { authorize, port: port('bedrockPort') });
  const kms = new Kms(environment, { authorize, port: port('kmsPort') });
  const serviceQuotas = new ServiceQuotas(environment, {
    authorize,
    iotCore: iotCore.quotas,
    port: port('serviceQuotasPort'),
  });
  const identity = new Identity(environment, port('identityPort'));
  const mail = new Mail(environment, { smtpPort: port('smtpPort'), httpPort: port('mailPort') });
  const stripe = new Stripe(environment, { port: port('stripePort') });
  const eiotclub = new Eiotclub(environment, { port: port('eiotclubPort') });
  const services = [
    iotCore,
    broker,
    iotData,
    iotJobs,
    credentials,
    kinesisSignaling,
    kinesisVideo,
    bedrock,
    kms,
    serviceQuotas,
    identity,
    mail,
    stripe,
    eiotclub,
  ];
  const admin = new Admin({
    environment,
    iam,
    services,
    onThrottling: (enabled) => {
      kinesisVideo.quotas.enforced = enabled;
      shadows.throttling = enabled;
    },
    boards: () => broker.connections(),
    streams: () => kinesisVideo.streamNames(),
    endpoints: () => describe(endpoints()),
    port: port('adminPort'),
  });
  const running: Service[] = [];

  const ports = (): Record<PortName, number> => ({
    adminPort: admin.port,
    iotPort: iotCore.port,
    iotDataPort: iotData.port,
    mqttPort: broker.port,
    credentialsPort: credentials.port,
    kinesisVideoPort: Number(new URL(kinesisVideo.url).port),
    kinesisSignalingPort: kinesisSignaling.port,
    bedrockPort: bedrock.port,
    kmsPort: kms.port,
    serviceQuotasPort: serviceQuotas.port,
    identityPort: identity.port,
    smtpPort: mail.smtpPort,
    mailPort: mail.port,
    stripePort: stripe.port,
    eiotclubPort: eiotclub.port,
  });

  const endpoints = (): Endpoints => ({
    schema: 1,
    region,
    accountId,
    ...state.accessKey,
    rootCaPath: environment.pki.rootCaPath,
    iot: {
      controlUrl: `http://localhost:${iotCore.port}`,
      dataUrl: `http://localhost:${iotData.port}`,
      mqttHost: 'localhost',
      mqttPort: broker.port,
      credentialsHost: 'localhost',
      credentialsPort: credentials.port,
      adminUrl: admin.url,
    },
    kinesisVideoUrl: kinesisVideo.url,
    kinesisSignalingUrl: `http://localhost:${kinesisSignaling.port}`,
    bedrockUrl: bedrock.url,
    kmsUrl: kms.url,
    serviceQuotasUrl: serviceQuotas.url,
    stripeUrl: stripe.url,
    eiotclubUrl: eiotclub.url,
    oidc: { google: identity.issuer('google'), apple: identity.issuer('apple') },
    mail: { smtpPort: mail.smtpPort, url: mail.url },
  });

  async function stop(): Promise<void> {
    for (const service of running.splice(0).reverse()) await service.stop();
    store.close();
    state.close();
  }

  async function start(): Promise<void> {
    try {
      for (const service of [...services, admin]) {
        // Before the start: what has half started wants to be stopped as well.
        running.push(service);
        await service.start();
      }
      state.rememberPorts(ports());
    } catch (error) {
      await stop();
      throw portError(error, port) ?? error;
    }
  }

  return { endpoints, start, stop };
}

async function openEnvironment(config: Config, state: StateDirectory): Promise<Environment> {
  const store = new Store(join(config.directory, 'state.sqlite'));
  const accessKeys = new AccessKeys();
  const { accessKeyId } = state.accessKey;
  accessKeys.add({ ...state.accessKey, principal: { kind: 'account', accessKeyId } });
  return {
    region: config.region,
    accountId: config.accountId,
    clock: new Clock(),
    store,
    directory: config.directory,
    faults: new Faults(),
    accessKeys,
    pki: await Pki.open(join(config.directory, 'pki')),
    log: pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: true })),
  };
}

/** For a port in use, a sentence that names the setting. */
function portError(error: unknown, port: (name: PortName) => number): Error | undefined {
  if (!hasCode(error, 'EADDRINUSE')) return undefined;
  const used = error.port;
  const name = (Object.keys(settings) as (keyof Config)[]).find(
    (key): key is PortName => key.endsWith('Port') && port(key as PortName) === used,
  );
  if (name === undefined) return undefined;
  const { variable, about } = settings[name];
  return new PortInUse(
    `Port ${used} (${about}) is in use by another program. Stop that program, or set ${variable} to another port; boards provisioned before keep dialing the old one.`,
    { cause: error },
  );
}

export class PortInUse extends Error {}

/** What the index page and the ready line show. */
export function describe(endpoints: Endpoints): Record<string, string> {
  const { iot, oidc, mail } = endpoints;
  return {
    'admin surface': iot.adminUrl,
    'mail sink': mail.url,
    'SMTP of the mail sink': `localhost:${mail.smtpPort}`,
    'IoT control plane': iot.controlUrl,
    'IoT data plane': iot.dataUrl,
    'MQTT over TLS': `${iot.mqttHost}:${iot.mqttPort}`,
    'credential provider': `https://${iot.credentialsHost}:${iot.credentialsPort}`,
    'Kinesis Video': endpoints.kinesisVideoUrl,
    'its signaling, WebSocket': endpoints.kinesisSignalingUrl,
    'Bedrock, model runtime': endpoints.bedrockUrl,
    'KMS, keys for signing': endpoints.kmsUrl,
    'Service Quotas': endpoints.serviceQuotasUrl,
    'Stripe, API and pay page': endpoints.stripeUrl,
    'EIOTCLUB open platform': endpoints.eiotclubUrl,
    'Google-like issuer': oidc.google,
    'Apple-like issuer': oidc.apple,
    'root CA': endpoints.rootCaPath,
  };
}
