import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeLocalCloud, type LocalCloud } from '@aovis/local-cloud/compose';
import { loadConfig } from '@aovis/local-cloud/config';
import { CreatePolicyVersionCommand, GetPolicyCommand, IoTClient } from '@aws-sdk/client-iot';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { readPolicy, setUpCloud } from './cloud-setup.ts';

const policyName = 'aovis-board';
let directory: string;
let cloud: LocalCloud;
let iot: IoTClient;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cloud-setup-'));
  cloud = await composeLocalCloud(
    loadConfig({ LOCAL_CLOUD_DIR: directory, LOCAL_CLOUD_LOG_LEVEL: 'silent' }),
  );
  await cloud.start();
  const { region, accessKeyId, secretAccessKey, iot: urls } = cloud.endpoints();
  iot = new IoTClient({ region, endpoint: urls.controlUrl, credentials: { accessKeyId, secretAccessKey } });
});
afterEach(async () => {
  iot.destroy();
  await cloud.stop();
  await rm(directory, { recursive: true, force: true });
});

const setUp = (): Promise<void> =>
  setUpCloud(cloud.endpoints(), { backendUrl: 'http://127.0.0.1:1', iotEventSecret: 's'.repeat(40) });
const present = () => iot.send(new GetPolicyCommand({ policyName }));

it('gives boards of yesterday today’s policy, and otherwise changes nothing', async () => {
  await setUp();
  await setUp();
  expect((await present()).defaultVersionId).toBe('1');
  const today = readPolicy('board-policy.json', cloud.endpoints());
  const yesterday = today.replaceAll('/jobs/*', '/former/*');
  for (let change = 0; change < 6; change++) {
    await iot.send(
      new CreatePolicyVersionCommand({ policyName, policyDocument: yesterday, setAsDefault: true }),
    );
    await setUp();
    expect((await present()).policyDocument).toBe(today);
  }
});
