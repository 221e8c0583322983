import { IoTClient, IoTServiceException } from '@aws-sdk/client-iot';
import { Iam } from '../../kernel/iam.ts';
import type { AccessKey } from '../../kernel/principal.ts';
import type { Environment } from '../../kernel/service.ts';
import { accountKey, createTestEnvironment } from '../../kernel/testing/test-environment.ts';
import { IotCore } from '../server.ts';

/** The control plane on a free port, and AWS's SDK with nothing but an endpoint override. */
export interface IotCloud {
  environment: Environment;
  iam: Iam;
  iotCore: IotCore;
  client: IoTClient;
  /** A client with another key. */
  clientOf(key: Pick<AccessKey, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'>): IoTClient;
  stop(): Promise<void>;
}

/** Throttles are off unless a test is about them. */
export async function startIotCloud({ throttling = false } = {}): Promise<IotCloud> {
  const environment = await createTestEnvironment();
  environment.faults.throttling = throttling;
  const iam = new Iam(environment.store, environment.accountId);
  const iotCore = new IotCore(
    environment,
    iam,
    { mqtt: () => 'localhost:8883', data: () => 'localhost:8080', credentials: () => 'localhost:8443' },
    0,
  );
  await iotCore.start();
  const clients: IoTClient[] = [];
  const connect = (credentials: { accessKeyId: string; secretAccessKey: string }): IoTClient => {
    const client = new IoTClient({
      region: environment.region,
      endpoint: `http://localhost:${iotCore.port}`,
      credentials,
      maxAttempts: 1,
    });
    clients.push(client);
    return client;
  };
  return {
    environment,
    iam,
    iotCore,
    client: connect(accountKey),
    clientOf: connect,
    stop: async () => {
      for (const client of clients) client.destroy();
      await iotCore.stop();
      environment.dispose();
    },
  };
}

/** `'CertificateStateException 406'`, or `'answered'`. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'answered';
  } catch (error) {
    if (error instanceof IoTServiceException) return `${error.name} ${error.$metadata.httpStatusCode}`;
    throw error;
  }
}
