import { randomBytes } from 'node:crypto';
import { expireCommandsJob } from '../features/commands/command-expiry.ts';
import { commandOutboxHandlers } from '../features/commands/command-outbox.ts';
import { commandRoutes } from '../features/commands/command-routes.ts';
import { CommandService } from '../features/commands/command-service.ts';
import { CommandWaits } from '../features/commands/command-waits.ts';
import type { Core, Feature } from './core.ts';

export function composeCommands({ config, adapters, access }: Core): Feature {
  const { db, clock, log, boardPublisher } = adapters;
  const waits = new CommandWaits({ databaseUrl: config.databaseUrl, log: log.child({ part: 'commands' }) });
  return {
    routes: commandRoutes(new CommandService({ db, clock, access, waits, randomBytes })),
    outboxHandlers: commandOutboxHandlers({ db, clock, publisher: boardPublisher }),
    jobs: [expireCommandsJob({ db, clock })],
    background: waits,
  };
}
