import { startLocalCloudProcess } from '../../../test-support/local-cloud-process.ts';

export interface LocalCloud {
  region: string;
  kmsUrl: string;
  serviceQuotasUrl: string;
  iotControlUrl: string;
  /** Variables with which the AWS SDK reaches it. */
  credentials: { AWS_ACCESS_KEY_ID: string; AWS_SECRET_ACCESS_KEY: string };
  stop(): Promise<void>;
}

/** The stand-ins as a process of their own, with an empty state. */
export async function startLocalCloud(): Promise<LocalCloud> {
  const { endpoints, stop } = await startLocalCloudProcess();
  const { region, kmsUrl, serviceQuotasUrl, iot, accessKeyId, secretAccessKey } = endpoints;
  const credentials = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  return { region, kmsUrl, serviceQuotasUrl, iotControlUrl: iot.controlUrl, credentials, stop };
}
