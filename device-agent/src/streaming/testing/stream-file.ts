import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { AccessUnit } from '../../camera/access-unit.ts';
import { Camera } from '../../camera/camera.ts';
import { ClipSource } from '../../camera/clip-source.ts';
import { systemClock } from '../../host/clock.ts';
import { createLogger } from '../../host/logger.ts';
import { StreamUploader } from '../stream-uploader.ts';

/**
 * Streams an H.264 file in real time to a PutMedia endpoint, with the parts the agent streams with, so that the cost
 * of streaming can be measured as a whole process:
 *
 *     node stream-file.ts --file clip.h264 --endpoint http://127.0.0.1:4000 --seconds 30
 *
 * Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. At the end one line of JSON
 * tells CPU seconds, peak RSS and the frame lag (from when a picture is due to when it is with the socket). SIGTERM ends it
 * before its time; with `--disk DIR` what waits is kept there too.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      file: { type: 'string' },
      endpoint: { type: 'string' },
      stream: { type: 'string', default: 'benchmark' },
      region: { type: 'string', default: 'eu-central-1' },
      seconds: { type: 'string', default: '30' },
      disk: { type: 'string' },
    },
  });
  if (values.file === undefined || values.endpoint === undefined)
    throw new Error('Name the file and the endpoint: --file clip.h264 --endpoint http://127.0.0.1:4000.');
  const logger = createLogger({ level: 'warn' });
  const clock = systemClock;
  const source = new ClipSource({ name: 'file', path: values.file, clock });
  const camera = new Camera({ source, clock, logger, random: Math.random });
  const lags: number[] = [];
  const uploader = new StreamUploader({
    camera: { subscribe: (listener) => camera.subscribe(measured(listener, lags)) },
    credentials: { get: () => Promise.resolve(credentialsFromEnvironment()), forget: () => undefined },
    streamName: values.stream,
    region: values.region,
    endpoint: new URL(values.endpoint),
    userAgent: 'aovis-agent/benchmark',
    clock,
    logger,
    random: Math.random,
    randomBytes,
    ...(values.disk === undefined
      ? {}
      : { disk: { directory: values.disk, maxBytes: 1e9, freeBytes: () => undefined } }),
  });
  const { signal } = new AbortController();
  await camera.start(signal);
  await uploader.start(signal);
  uploader.sendKept();
  await new Promise((resolve) => {
    setTimeout(resolve, Number(values.seconds) * 1_000);
    process.once('SIGTERM', resolve);
  });
  const status = uploader.status();
  await uploader.stop();
  await camera.stop();
  process.stdout.write(`${JSON.stringify({ ...usage(), ...lagOf(lags), status })}\n`);
  // The time that was given may not be over.
  process.exit();
}

/** Listeners send at once: what a picture took is over when they return. */
function measured(listener: (accessUnit: AccessUnit) => void, lags: number[]) {
  return (accessUnit: AccessUnit): void => {
    listener(accessUnit);
    lags.push(performance.timeOrigin + performance.now() - accessUnit.timestampMs);
  };
}

function credentialsFromEnvironment() {
  const {
    AWS_ACCESS_KEY_ID = 'benchmark',
    AWS_SECRET_ACCESS_KEY = 'benchmark',
    AWS_SESSION_TOKEN = 'benchmark',
  } = process.env;
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
    expiresAt: new Date(Date.now() + 3_600_000),
  };
}

function usage(): { cpuSeconds: number; peakRssMiB: number } {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakRssMiB: (peakRssKib() ?? maxRSS) / 1024 };
}

/** Of this program alone: getrusage(2) counts what the process was before it became this program, a copy of its parent. */
function peakRssKib(): number | undefined {
  if (!existsSync('/proc/self/status')) return undefined;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

function lagOf(lags: number[]): { frames: number; lagMsP50: number; lagMsP90: number; lagMsP99: number } {
  const sorted = lags.toSorted((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? 0;
  return {
    frames: sorted.length,
    lagMsP50: quantile(0.5),
    lagMsP90: quantile(0.9),
    lagMsP99: quantile(0.99),
  };
}

void main();
