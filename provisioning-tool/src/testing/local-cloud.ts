import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface LocalCloud {
  region: string;
  kmsUrl: string;
  iotControlUrl: string;
  /** Variables with which the AWS SDK reaches it. */
  credentials: { AWS_ACCESS_KEY_ID: string; AWS_SECRET_ACCESS_KEY: string };
  stop(): Promise<void>;
}

const program = resolve(import.meta.dirname, '../../../local-cloud/src/main.ts');

/** The stand-ins as a process of their own, with an empty state. */
export async function startLocalCloud(): Promise<LocalCloud> {
  const folder = await mkdtemp(join(tmpdir(), 'aovis-provision-cloud-'));
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
  const endpoints = JSON.parse(await readFile(file, 'utf8')) as {
    region: string;
    accessKeyId: string;
    secretAccessKey: string;
    kmsUrl: string;
    iot: { controlUrl: string };
  };
  return {
    region: endpoints.region,
    kmsUrl: endpoints.kmsUrl,
    iotControlUrl: endpoints.iot.controlUrl,
    credentials: {
      AWS_ACCESS_KEY_ID: endpoints.accessKeyId,
      AWS_SECRET_ACCESS_KEY: endpoints.secretAccessKey,
    },
    stop,
  };
}
