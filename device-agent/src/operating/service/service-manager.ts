import { execFile } from 'node:child_process';

/** How a service tells systemd how it is (sd_notify(3)). */
export interface ServiceManager {
  /** The service has to feed the watchdog at least this often, or it is ended; undefined without a watchdog. */
  readonly watchdogMs: number | undefined;
  /** Tells the assignments, `READY=1` say, in one message. Rejects when that failed. */
  notify(assignments: Readonly<Record<string, string>>): Promise<void>;
}

const timeoutMs = 10_000;

/**
 * The manager that started this process, undefined when none waits for word of it. Takes what it read out of `env`, so that
 * programs which the agent starts do not speak for it.
 */
export function serviceManagerOf(
  env: NodeJS.ProcessEnv,
  pid: number,
  program = 'systemd-notify',
): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogMicroseconds, WATCHDOG_PID: watched } = env;
  delete env.NOTIFY_SOCKET;
  delete env.WATCHDOG_USEC;
  delete env.WATCHDOG_PID;
  if (socket === undefined) return undefined;
  const isWatched = watchdogMicroseconds !== undefined && (watched === undefined || Number(watched) === pid);
  return {
    watchdogMs: isWatched ? Number(watchdogMicroseconds) / 1_000 : undefined,
    notify: (assignments) =>
      run(
        program,
        Object.entries(assignments).map(([name, value]) => `${name}=${oneLine(value)}`),
        { PATH: env.PATH, NOTIFY_SOCKET: socket },
      ),
  };
}

/** A line break would begin another assignment. */
const oneLine = (value: string): string => value.replace(/\s+/g, ' ');

/** Node.js has no datagram sockets of the local kind (ADR 0025). */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, timeout: timeoutMs }, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}
