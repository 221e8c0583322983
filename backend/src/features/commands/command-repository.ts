import type { CommandAck } from '@aovis/contracts/commands';
import type { CommandStatus } from '@aovis/contracts/http/commands';
import type { Database } from '../../db/database.ts';
import type { Position } from '../../kernel/cursor.ts';
import type { Command } from './command.ts';

export type NewCommand = Pick<
  Command,
  'id' | 'deviceId' | 'epoch' | 'type' | 'params' | 'requestId' | 'createdAt' | 'expiresAt'
> & { idempotencyKey: string | undefined };

/** A step of a command, with what was said about it. */
export interface CommandStep {
  status: CommandStatus;
  result?: CommandAck['result'];
  error?: CommandAck['error'];
  at: Date;
}

interface Row {
  id: string;
  device_id: string;
  epoch: number;
  type: Command['type'];
  params: Command['params'];
  status: CommandStatus;
  result: NonNullable<Command['result']> | null;
  error: NonNullable<Command['error']> | null;
  request_id: string;
  created_at: Date;
  expires_at: Date;
  updated_at: Date;
}

/** Which commands one may see: those of one ownership of a device. */
export interface CommandScope {
  deviceId: string;
  epoch: number;
}

export class KnexCommandRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** False when its key has been used in this ownership: nothing was stored then. */
  async insert(command: NewCommand): Promise<boolean> {
    const stored = await this.#db('device_commands')
      .insert({
        id: command.id,
        device_id: command.deviceId,
        epoch: command.epoch,
        type: command.type,
        params: JSON.stringify(command.params),
        request_id: command.requestId,
        idempotency_key: command.idempotencyKey ?? null,
        created_at: command.createdAt,
        expires_at: command.expiresAt,
        updated_at: command.createdAt,
      })
      .onConflict(this.#db.raw('(device_id, epoch, idempotency_key) WHERE idempotency_key IS NOT NULL'))
      .ignore()
      .returning<object[]>('id');
    return stored.length === 1;
  }

  async find({ deviceId, epoch }: CommandScope, id: string): Promise<Command | undefined> {
    return this.#first({ device_id: deviceId, epoch, id });
  }

  async findByKey({ deviceId, epoch }: CommandScope, idempotencyKey: string): Promise<Command | undefined> {
    return this.#first({ device_id: deviceId, epoch, idempotency_key: idempotencyKey });
  }

  /** Whoever's it is: for what comes from boards and queues. */
  async findAny(id: string): Promise<Command | undefined> {
    return this.#first({ id });
  }

  /** As `findAny`, the row locked until the transaction ends. */
  async lock(id: string): Promise<Command | undefined> {
    const row = await this.#db<Row>('device_commands').where({ id }).forUpdate().first();
    return row && toCommand(row);
  }

  /** Newest first, those before `after`. */
  async list(
    { deviceId, epoch }: CommandScope,
    { after, limit }: { after: Position | undefined; limit: number },
  ): Promise<Command[]> {
    const query = this.#db('device_commands').where({ device_id: deviceId, epoch });
    if (after) void query.whereRaw('(created_at, id) < (?, ?)', [after.at, after.key]);
    const rows = await query
      .orderBy([
        { column: 'created_at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .limit(limit)
      .select<Row[]>();
    return rows.map(toCommand);
  }

  /** Whether the ownership under which it was sent still holds. */
  async ownershipHolds({ deviceId, epoch }: CommandScope): Promise<boolean> {
    const row = await this.#db('device_ownerships')
      .where({ device_id: deviceId, epoch, ended_at: null })
      .first<object | undefined>('epoch');
    return row !== undefined;
  }

  /** Those that have no end though they expired before this time, oldest first. */
  async listUnanswered(expiredBefore: Date, limit: number): Promise<string[]> {
    const rows = await this.#db('device_commands')
      .whereRaw(`status IN ('pending', 'accepted', 'running')`)
      .where('expires_at', '<', expiredBefore)
      .orderBy('expires_at')
      .limit(limit)
      .select<{ id: string }[]>('id');
    return rows.map(({ id }) => id);
  }

  /** The database refuses steps back (`device_commands_forward`). */
  async step(id: string, { status, result, error, at }: CommandStep): Promise<void> {
    await this.#db('device_commands')
      .where({ id })
      .update({
        status,
        result: result === undefined ? null : JSON.stringify(result),
        error: error === undefined ? null : JSON.stringify(error),
        updated_at: at,
      });
  }

  async notePublished(id: string, at: Date): Promise<void> {
    await this.#db('device_commands').where({ id }).update({ published_at: at });
  }

  async #first(where: object): Promise<Command | undefined> {
    const row = await this.#db<Row>('device_commands').where(where).first();
    return row && toCommand(row);
  }
}

function toCommand(row: Row): Command {
  return {
    id: row.id,
    deviceId: row.device_id,
    epoch: row.epoch,
    type: row.type,
    params: row.params,
    status: row.status,
    result: row.result ?? undefined,
    error: row.error ?? undefined,
    requestId: row.request_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    updatedAt: row.updated_at,
  };
}
