import { startLocalCloudProcess } from '../../../../test-support/local-cloud-process.ts';

export interface LocalCloud {
  region: string;
  iotControlUrl: string;
  iotDataUrl: string;
  kinesisVideoUrl: string;
  stripeUrl: string;
  eiotclubUrl: string;
  /** What payers, banks and operators do. */
  adminUrl: string;
  stop(): Promise<void>;
}

/** The stand-ins as a process of their own, with an empty state; its credentials become those of this process. */
export async function startLocalCloud(): Promise<LocalCloud> {
  const { endpoints, stop } = await startLocalCloudProcess();
  const { region, iot, kinesisVideoUrl, stripeUrl, eiotclubUrl, accessKeyId, secretAccessKey } = endpoints;
  process.env.AWS_ACCESS_KEY_ID = accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = secretAccessKey;
  const { controlUrl: iotControlUrl, dataUrl: iotDataUrl, adminUrl } = iot;
  return { region, iotControlUrl, iotDataUrl, kinesisVideoUrl, stripeUrl, eiotclubUrl, adminUrl, stop };
}
