import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { IotBoardCertificates } from '../aws/iot-board-certificates.ts';
import { IotJobs } from '../aws/iot-jobs.ts';
import { loadConfig } from '../config/config.ts';
import type { BoardJob } from '../features/rotation/rotation-ports.ts';
import { BoardJobRefused, RotationService } from '../features/rotation/rotation-service.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Commands, type Flags, needed, say, withDatabase } from './command.ts';

/** What operations does to one board, watched to its end. */
export const boardCommands: Commands = {
  'board rotate-certificate': (flags) =>
    onBoard(flags, (service, deviceId) => service.rotate(deviceId, jobIdOf(flags, 'rotate', deviceId))),
  'board job': (flags) =>
    onBoard(flags, (service, deviceId) => {
      const document = parsed(readFileSync(needed(flags.file, '--file'), 'utf8'));
      return service.run(deviceId, document, jobIdOf(flags, 'job', deviceId));
    }),
};

function onBoard(
  flags: Flags,
  work: (service: RotationService, deviceId: string) => Promise<BoardJob>,
): Promise<number> {
  const deviceId = needed(flags.id, '--id');
  const { awsRegion: region, iotControlUrl: endpoint } = loadConfig(process.env);
  return withDatabase(async (db) => {
    const jobs = new IotJobs({ region, endpoint });
    const certificates = new IotBoardCertificates({ region, endpoint });
    try {
      const wait = async (ms: number): Promise<void> => delay(ms);
      const service = new RotationService({ db, clock: systemClock, jobs, certificates, wait, say });
      const { status, details } = await work(service, deviceId);
      say(JSON.stringify({ status, ...details }));
      return status === 'SUCCEEDED' ? 0 : 1;
    } finally {
      jobs.close();
      certificates.close();
    }
  });
}

/** Of a new job unless one is named: the board, and when. */
function jobIdOf({ job }: Flags, kind: string, deviceId: string): string {
  return job ?? `${kind}-${deviceId}-${systemClock.now().toISOString().replace(/\D/g, '').slice(0, 14)}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BoardJobRefused('The file is no JSON.');
  }
}
