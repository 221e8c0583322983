import { type DestinationStream, type Logger, pino } from 'pino';
import { redact } from './redact.ts';

export type { Logger };

export interface LoggerOptions {
  level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** stdout when absent. */
  destination?: DestinationStream;
}

/**
 * One JSON line an event. ERROR means that a person must act. Every part of the program takes a child
 * (`logger.child({ part: 'outbox' })`). Fields that by name or shape hold secrets are blanked on the way.
 */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        bindings: (bindings) => redact(bindings) as Record<string, unknown>,
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
      hooks: {
        logMethod(words, method) {
          method.apply(
            this,
            words.map((word) => (typeof word === 'string' ? redact(word) : word)) as typeof words,
          );
        },
      },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
