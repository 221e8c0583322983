import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** Where the stand-ins listen and what the AWS SDK signs with: the part of their endpoints file that tests of programs use. */
export interface LocalCloudEndpoints {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  iot: { controlUrl: string; dataUrl: string; adminUrl: string };
  kinesisVideoUrl: string;
  kmsUrl: string;
  serviceQuotasUrl: string;
  stripeUrl: string;
  eiotclubUrl: string;
}

export interface LocalCloudProcess {
  endpoints: LocalCloudEndpoints;
  stop: () => Promise<void>;
}

const program = resolve(import.meta.dirname, '../local-cloud/src/main.ts');

/** The stand-ins as a process of their own, with an empty state. */
export async function startLocalCloudProcess(): Promise<LocalCloudProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'aovis-local-cloud-'));
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
  return { endpoints: JSON.parse(await readFile(file, 'utf8')) as LocalCloudEndpoints, stop };
}
