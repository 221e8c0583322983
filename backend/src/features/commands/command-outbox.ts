import { type Command as CommandMessage, commandSchema } from '@aovis/contracts/commands';
import { ulidSchema } from '@aovis/contracts/ids';
import { commandTopic } from '@aovis/contracts/topics';
import { z } from 'zod';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { OutboxHandlers, OutboxMessage } from '../../outbox/outbox.ts';
import type { BoardPublisher } from './board-publisher.ts';
import type { Command } from './command.ts';
import { expireCommand } from './command-expiry.ts';
import { KnexCommandRepository } from './command-repository.ts';

const publishTopic = 'command.publish';
const payloadSchema = z.strictObject({ command_id: ulidSchema });

/** The intent to publish a command; stored with its row. The commands of a device go out in their order. */
export function publishMessage({ id, deviceId, requestId }: Command): OutboxMessage {
  return {
    topic: publishTopic,
    key: `command ${deviceId}`,
    payload: { command_id: id } satisfies z.infer<typeof payloadSchema>,
    requestId,
  };
}

export interface CommandEffects {
  db: Database;
  clock: Clock;
  publisher: BoardPublisher;
}

/**
 * Publishes commands. Through the outbox, because a process that dies after the commit would else take the command with
 * it in silence; and since the outbox may do it twice, the board remembers ids and executes each once.
 */
export function commandOutboxHandlers({ db, clock, publisher }: CommandEffects): OutboxHandlers {
  return {
    [publishTopic]: async (payload, { signal }) => {
      const { command_id: id } = payloadSchema.parse(payload);
      const commands = new KnexCommandRepository(db);
      const command = await commands.findAny(id);
      // Whatever else it is, its board knows of it, or never will.
      if (command?.status !== 'pending') return;
      const at = clock.now();
      if (command.expiresAt <= at) return void (await expireCommand(db, { id, reason: 'not_delivered', at }));
      if (!(await commands.ownershipHolds(command)))
        return void (await expireCommand(db, { id, reason: 'ownership_ended', at }));
      await publisher.publish({ topic: commandTopic(command.deviceId), payload: toMessage(command) }, signal);
      await commands.notePublished(id, clock.now());
    },
  };
}

function toMessage(command: Command): CommandMessage {
  return commandSchema.parse({
    id: command.id,
    type: command.type,
    params: command.params,
    issued_at: command.createdAt.getTime(),
    expires_at: command.expiresAt.getTime(),
    correlation_id: command.requestId,
  });
}
