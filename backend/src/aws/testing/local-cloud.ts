import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

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

interface EndpointsFile {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  iot: { controlUrl: string; dataUrl: string; adminUrl: string };
  kinesisVideoUrl: string;
  stripeUrl: string;
  eiotclubUrl: string;
}

const program = resolve(import.meta.dirname, '../../../../local-cloud/src/main.ts');

/** The stand-ins as a process of their own, with an empty state; its credentials become those of this process. */
export async function startLocalCloud(): Promise<LocalCloud> {
  const folder = await mkdtemp(join(tmpdir(), 'backend-local-cloud-'));
  const file = join(folder, 'endpoints.json');
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, LOCAL_CLOUD_DIR: join(folder, 'state'), LOCAL_CLOUD_ENDPOINTS_FILE: file },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // A test run that ends in mid-start, by a time-out say, takes it along.
  const takeAlong = (): void => void child.kill('SIGKILL');
  process.once('exit', takeAlong);
  const ended = once(child, 'exit').finally(() => process.off('exit', takeAlong));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const ready = new Promise<boolean>((resolveReady) => {
    createInterface({ input: child.stdout })
      .on('line', (line) => line.startsWith('local-cloud is ready') && resolveReady(true))
      .on('close', () => resolveReady(false));
  });
  if (!(await ready)) {
    await stop();
    throw new Error('local-cloud did not start; what it says is above');
  }
  const endpoints = JSON.parse(await readFile(file, 'utf8')) as EndpointsFile;
  process.env.AWS_ACCESS_KEY_ID = endpoints.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = endpoints.secretAccessKey;
  return {
    region: endpoints.region,
    iotControlUrl: endpoints.iot.controlUrl,
    iotDataUrl: endpoints.iot.dataUrl,
    kinesisVideoUrl: endpoints.kinesisVideoUrl,
    stripeUrl: endpoints.stripeUrl,
    eiotclubUrl: endpoints.eiotclubUrl,
    adminUrl: endpoints.iot.adminUrl,
    stop,
  };
}
