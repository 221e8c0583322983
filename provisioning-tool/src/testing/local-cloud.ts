import { startLocalCloudProcess } from '../../../test-support/local-cloud-process.ts';

export interface LocalCloud {
  region: string;
  kmsUrl: string;
  serviceQuotasUrl: string;
  iotControlUrl: string;
  /** Makes calls fail, by a rule of its admin surface (local-cloud/src/admin/README.md). */
  addFault(rule: KmsFault): Promise<void>;
  /** Variables with which the AWS SDK reaches it. */
  credentials: { AWS_ACCESS_KEY_ID: string; AWS_SECRET_ACCESS_KEY: string };
  stop(): Promise<void>;
}

export interface KmsFault {
  service: 'kms';
  operation: string;
  effect: { kind: 'error'; status: number; code: string } | { kind: 'lose-answer' };
  times: number;
}

/** The stand-ins as a process of their own, with an empty state. */
export async function startLocalCloud(): Promise<LocalCloud> {
  const { endpoints, stop } = await startLocalCloudProcess();
  const { region, kmsUrl, serviceQuotasUrl, iot, accessKeyId, secretAccessKey } = endpoints;
  const credentials = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  const addFault = async (rule: KmsFault) => {
    const headers = { 'content-type': 'application/json' };
    const asked = { method: 'POST', headers, body: JSON.stringify(rule) };
    const { status } = await fetch(new URL('/_local/faults', iot.adminUrl), asked);
    if (status >= 300) throw new Error(`local-cloud takes no such fault (${status})`);
  };
  return { region, kmsUrl, serviceQuotasUrl, iotControlUrl: iot.controlUrl, credentials, addFault, stop };
}
