import { type DestinationStream, type Logger as PinoLogger, pino, stdSerializers } from 'pino';

export type Logger = PinoLogger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

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
}

/** One JSON object a line, written at once: a crash loses no line. ERROR means that a person must act. */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths, censor: '[redacted]' },
      serializers: { err: stdSerializers.err },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}
