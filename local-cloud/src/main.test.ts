import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  CreateThingCommand,
  DescribeEndpointCommand,
  DescribeThingCommand,
  IoTClient,
} from '@aws-sdk/client-iot';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CloudProcess } from './testing/cloud-process.ts';

// Each test starts real processes, on machines that are busy with others.
jest.setTimeout(60_000);

describe('the process', () => {
  let cloud: CloudProcess;
  const clients: IoTClient[] = [];
  beforeEach(() => {
    cloud = new CloudProcess();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await cloud.dispose();
  });

  function connect(): IoTClient {
    const { region, iot, accessKeyId, secretAccessKey } = cloud.endpoints();
    const client = new IoTClient({
      region,
      endpoint: iot.controlUrl,
      credentials: { accessKeyId, secretAccessKey },
      maxAttempts: 1,
    });
    clients.push(client);
    return client;
  }

  it('announces itself, serves, and leaves nothing behind when it is asked to stop', async () => {
    const child = await cloud.start();
    const endpoints = cloud.endpoints();
    expect(statSync(cloud.endpointsFile).mode & 0o777).toBe(0o600);
    expect(endpoints).toMatchObject({ schema: 1, region: 'us-east-1', accountId: '123456789012' });
    const address = await connect().send(new DescribeEndpointCommand({ endpointType: 'iot:Data-ATS' }));
    expect(address.endpointAddress).toBe(`localhost:${endpoints.iot.mqttPort}`);
    for (const url of [endpoints.iot.adminUrl, endpoints.mail.url])
      expect((await fetch(url)).headers.get('content-type')).toMatch(/^text\/html/);
    const discovery = `${endpoints.oidc.apple}/.well-known/openid-configuration`;
    expect(await (await fetch(discovery)).json()).toMatchObject({ issuer: endpoints.oidc.apple });
    expect(await cloud.stop(child, 'SIGTERM')).toBe(0);
    expect(cloud.isAnnounced).toBe(false);
  });

  it('is the same after kill -9: key, root CA, ports and what was registered', async () => {
    const first = await cloud.start();
    const before = cloud.endpoints();
    await connect().send(new CreateThingCommand({ thingName: 'aovis-n4k-000001' }));
    await cloud.stop(first, 'SIGKILL');
    expect(cloud.isAnnounced).toBe(true);
    const second = await cloud.start();
    expect(cloud.endpoints()).toEqual(before);
    const thing = await connect().send(new DescribeThingCommand({ thingName: 'aovis-n4k-000001' }));
    expect(thing.version).toBe(1);
    expect(await cloud.stop(second, 'SIGINT')).toBe(0);
  });

  it('refuses a state folder that is in use, and says by whom', async () => {
    const child = await cloud.start();
    const other = join(cloud.directory, 'other.json');
    const { code, output } = await cloud.run({}, '--endpoints-file', other);
    expect(code).toBe(1);
    expect(output).toContain(
      `is in use by another local-cloud (process ${child.pid}). Stop that one, or set`,
    );
    expect(cloud.endpoints().schema).toBe(1);
  });

  it('names the setting for a port that is in use, and starts nothing', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const address = occupant.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    const { code, output } = await cloud.run({ LOCAL_CLOUD_SMTP_PORT: port });
    occupant.close();
    expect(code).toBe(1);
    expect(output).toBe(
      `Port ${port} (Port of the mail sink for SMTP) is in use by another program. Stop that program, or set LOCAL_CLOUD_SMTP_PORT to another port; boards provisioned before keep dialing the old one.\n`,
    );
    expect(cloud.isAnnounced).toBe(false);
  });

  it('refuses wrong settings and arguments with exit code 2', async () => {
    const settings = await cloud.run({ LOCAL_CLOUD_MQTT_PORT: 'many', LOCAL_CLOUD_REGION: 'moon' });
    expect(settings.code).toBe(2);
    expect(settings.output.trim().split('\n')).toHaveLength(2);
    expect((await cloud.run({}, '--verbose')).code).toBe(2);
    expect((await cloud.run({}, '--help')).code).toBe(0);
  });
});
