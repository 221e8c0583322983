import { getCommand, listCommands, sendCommand } from '@aovis/contracts/http/commands';
import { handle, type Route } from '../../http/route.ts';
import { isEnded, toCommandView } from './command.ts';
import type { CommandService } from './command-service.ts';

export function commandRoutes(commands: CommandService): Route[] {
  return [
    handle(
      sendCommand,
      async ({ params, body, user, requestContext }) => {
        const command = await commands.send({
          userId: user.id,
          requestId: requestContext.requestId,
          deviceId: params.id,
          request: body,
          idempotencyKey: bareKey(requestContext.header('idempotency-key')),
        });
        return { status: isEnded(command.status) ? 200 : 202, body: toCommandView(command) };
      },
      { idempotent: true },
    ),
    handle(getCommand, async ({ params, user }) => ({
      status: 200,
      body: toCommandView(await commands.get(user.id, params.id, params.command_id)),
    })),
    handle(listCommands, async ({ params, query, user }) => {
      const { commands: page, nextCursor } = await commands.list(user.id, params.id, query);
      return { status: 200, body: { commands: page.map(toCommandView), next_cursor: nextCursor } };
    }),
  ];
}

/** `"key"` and `key` are the same one, as where answers are stored by it. */
function bareKey(header: string | undefined): string | undefined {
  return header?.replace(/^"(.+)"$/, '$1');
}
