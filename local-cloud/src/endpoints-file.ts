import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeWhole } from './kernel/state-directory.ts';

/** Where everything is while the stand-ins run, and the key that opens it. */
export interface Endpoints {
  schema: 1;
  region: string;
  accountId: string;
  accessKeyId: string;
  secretAccessKey: string;
  rootCaPath: string;
  iot: {
    controlUrl: string;
    dataUrl: string;
    mqttHost: string;
    mqttPort: number;
    credentialsHost: string;
    credentialsPort: number;
    adminUrl: string;
  };
  kinesisVideoUrl: string;
  /** Where `GetSignalingChannelEndpoint` leads: HTTP and WebSocket. */
  kinesisSignalingUrl: string;
  bedrockUrl: string;
  kmsUrl: string;
  serviceQuotasUrl: string;
  stripeUrl: string;
  eiotclubUrl: string;
  oidc: { google: string; apple: string };
  mail: { smtpPort: number; url: string };
}

/** Writes the file in one step, readable by its owner only: it holds the account's secret key. */
export function writeEndpointsFile(file: string, endpoints: Endpoints): void {
  mkdirSync(dirname(file), { recursive: true });
  writeWhole(file, `${JSON.stringify(endpoints, null, 2)}\n`);
}

/** Removes the file, unless another instance has written its own there since. */
export function removeEndpointsFile(file: string, accessKeyId: string): void {
  try {
    const written: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const ours =
      typeof written === 'object' &&
      written !== null &&
      'accessKeyId' in written &&
      written.accessKeyId === accessKeyId;
    if (ours) rmSync(file, { force: true });
  } catch {
    // It is gone, or it is not ours to judge.
  }
}
