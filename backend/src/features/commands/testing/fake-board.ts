import type { Command, CommandAck } from '@aovis/contracts/commands';
import type { IotEnvelope } from '@aovis/contracts/http/ingestion';
import { commandAckTopic, parseBoardTopic } from '@aovis/contracts/topics';
import type { BoardMessage, BoardPublisher } from '../board-publisher.ts';

export type CommandEnvelope = Extract<IotEnvelope, { kind: 'command_ack' }>;

/** Stands at the other end of the broker: keeps what is published, and answers commands as a test tells it to. */
export class FakeBoard implements BoardPublisher {
  readonly received: BoardMessage[] = [];
  /** Called for each command that arrives. */
  onCommand: (command: Command, thing: string) => void | Promise<void> = () => {};
  /** Set: the broker is out of reach. */
  fault: Error | undefined;

  async publish(message: BoardMessage): Promise<void> {
    if (this.fault !== undefined) throw this.fault;
    this.received.push(message);
    await this.onCommand(message.payload as Command, parseBoardTopic(message.topic)?.thing ?? '');
  }
}

/** What the IoT rule makes of a board's answer. */
export function ackEnvelope(thing: string, payload: CommandAck, receivedAt: Date): CommandEnvelope {
  return {
    kind: 'command_ack',
    thing,
    topic: commandAckTopic(thing, payload.id),
    received_at: receivedAt.getTime(),
    payload,
  };
}
