import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryFixture } from './factory-fixture.ts';

/** Another station, line-2, with the cloud, the backend and the CA of the first. */
export async function startSecondStation(first: FactoryFixture): Promise<FactoryFixture> {
  const second = new FactoryFixture();
  await second.start();
  const { AOVIS_IOT_CONTROL_URL, AOVIS_BACKEND_URL } = first.env;
  Object.assign(second.env, { AOVIS_IOT_CONTROL_URL, AOVIS_BACKEND_URL, AOVIS_STATION_ID: 'line-2' });
  await cp(join(first.workspace, 'ca'), join(second.workspace, 'ca'), { recursive: true });
  await second.succeed('ca', 'register');
  const station = JSON.parse((await second.succeed('station', 'init', '--json')).stdout) as {
    public_key_pem: string;
  };
  first.backend.stations.set('line-2', station.public_key_pem);
  return second;
}
