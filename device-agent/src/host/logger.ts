import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import type { Problem } from './recent-problems.ts';

export type Logger = PinoLogger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** pino's numbers for the levels that `status` shows. */
const warnLevel = 40;
const errorLevel = 50;

/** Fields that never reach the log, whoever passes an object that has them. */
const redactedPaths = [
  'privateKey',
  'key',
  'secretAccessKey',
  'sessionToken',
  'accessKeyId',
  'pairingSecret',
].flatMap((field) => [field, `*.${field}`]);

export interface LoggerOptions {
  level: LogLevel;
  /** Where the lines go; standard error unless told. */
  destination?: DestinationStream;
  /** Called with every WARN and ERROR line. */
  onProblem?: (part: string, level: Problem['level'], sentence: string) => void;
}

/**
 * One JSON object a line, written at once: a crash loses no line. ERROR means that a person must act.
 * `logger.child({ part })` names who speaks.
 */
export function createLogger({ level, destination, onProblem }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths, censor: '[redacted]' },
      hooks: {
        logMethod(args, method, levelNumber) {
          if (levelNumber >= warnLevel) onProblem?.(...problemOf(this, args, levelNumber));
          method.apply(this, args);
        },
      },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

function problemOf(
  logger: PinoLogger,
  args: readonly unknown[],
  levelNumber: number,
): [part: string, level: Problem['level'], sentence: string] {
  const part: unknown = logger.bindings().part;
  const sentence = args.find((argument) => typeof argument === 'string');
  return [
    typeof part === 'string' ? part : 'agent',
    levelNumber >= errorLevel ? 'error' : 'warn',
    sentence ?? 'an error without a message',
  ];
}

/** The loggers of the parts, whose level can be changed together while the agent runs. */
export class PartLoggers {
  readonly #root: Logger;
  readonly #children: Logger[] = [];

  constructor(root: Logger) {
    this.#root = root;
  }

  of(part: string): Logger {
    const child = this.#root.child({ part });
    this.#children.push(child);
    return child;
  }

  setLevel(level: LogLevel): void {
    for (const logger of [this.#root, ...this.#children]) logger.level = level;
  }
}
