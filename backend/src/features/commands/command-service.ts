import { isDeepStrictEqual } from 'node:util';
import type { CommandRequest } from '@aovis/contracts/http/commands';
import { type Database, transaction } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type PageRequest, pageOf, readCursor } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { ulidOf } from '../../kernel/ulid.ts';
import { enqueue } from '../../outbox/outbox.ts';
import { record } from '../audit/audit-log.ts';
import type { OwnedDevice } from '../devices/device.ts';
import { type Command, commandValidMs, isEnded } from './command.ts';
import { publishMessage } from './command-outbox.ts';
import { KnexCommandRepository, type NewCommand } from './command-repository.ts';
import type { CommandWaits } from './command-waits.ts';

/** What a command must know of its device. */
export type CommandedDevice = Pick<OwnedDevice, 'deviceId' | 'epoch' | 'online'>;

/** The guard of device routes, for owners. */
export interface CommandAccess {
  /** @throws AppError device_not_found, forbidden for who may only view it */
  assertDeviceServiceAccess(userId: string, deviceId: string): Promise<CommandedDevice>;
}

export interface CommandDependencies {
  db: Database;
  clock: Clock;
  access: CommandAccess;
  waits: CommandWaits;
  randomBytes: (size: number) => Uint8Array;
}

export interface SentCommand {
  userId: string;
  requestId: string;
  deviceId: string;
  request: CommandRequest;
  /** The same key in one ownership means the same command, for good. */
  idempotencyKey: string | undefined;
}

const ulidForm = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** Commands to boards as their owners send them and see what came of them. */
export class CommandService {
  readonly #dependencies: CommandDependencies;

  constructor(dependencies: CommandDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Sends a command and waits for its end as long as the request says. What comes back has ended, or has been taken by
   * the board and goes on, or was not to be waited for.
   * @throws AppError device_not_found, device_offline, idempotency_key_reused, device_timeout when the board said nothing
   */
  async send(sent: SentCommand): Promise<Command> {
    const { waits, access } = this.#dependencies;
    const { request } = sent;
    const device = await access.assertDeviceServiceAccess(sent.userId, sent.deviceId);
    const command = (await this.#sentBefore(device, sent)) ?? (await this.#store(device, sent));
    if (request.timeout_s === 0) return command;
    const seen = await waits.until(command.id, {
      look: () => this.#find(device, command.id),
      done: ({ status }) => isEnded(status),
      timeoutMs: request.timeout_s * 1_000,
    });
    if (seen.status === 'pending' || seen.status === 'expired')
      throw new AppError('device_timeout', {
        details: { command_id: seen.id, status: seen.status, expires_at: seen.expiresAt.toISOString() },
      });
    return seen;
  }

  /** @throws AppError device_not_found, command_not_found */
  async get(userId: string, deviceId: string, commandId: string): Promise<Command> {
    return this.#find(await this.#dependencies.access.assertDeviceServiceAccess(userId, deviceId), commandId);
  }

  /** @throws AppError device_not_found, invalid_request when the cursor is none of ours */
  async list(
    userId: string,
    deviceId: string,
    { limit, cursor }: PageRequest,
  ): Promise<{ commands: Command[]; nextCursor: string | null }> {
    const { access, db } = this.#dependencies;
    const device = await access.assertDeviceServiceAccess(userId, deviceId);
    const found = await new KnexCommandRepository(db).list(device, {
      after: readCursor(cursor, ulidForm),
      limit: limit + 1,
    });
    const { page, nextCursor } = pageOf(found, limit, ({ createdAt, id }) => ({ at: createdAt, key: id }));
    return { commands: page, nextCursor };
  }

  async #find(device: CommandedDevice, id: string): Promise<Command> {
    const commands = new KnexCommandRepository(this.#dependencies.db);
    const command = ulidForm.test(id) ? await commands.find(device, id) : undefined;
    if (command === undefined) throw new AppError('command_not_found');
    return command;
  }

  /** The answer to the first request may have been lost on its way; the device may even have gone offline by it. */
  async #sentBefore(
    device: CommandedDevice,
    { idempotencyKey, request }: SentCommand,
  ): Promise<Command | undefined> {
    if (idempotencyKey === undefined) return undefined;
    const command = await new KnexCommandRepository(this.#dependencies.db).findByKey(device, idempotencyKey);
    if (command === undefined) return undefined;
    if (command.type !== request.type || !isDeepStrictEqual(command.params, { ...request.params }))
      throw new AppError('idempotency_key_reused');
    return command;
  }

  async #store(device: CommandedDevice, sent: SentCommand): Promise<Command> {
    const { db } = this.#dependencies;
    if (!device.online) {
      await transaction(db, (trx) => this.#record(trx, sent, 'refused', { code: 'device_offline' }));
      throw new AppError('device_offline');
    }
    const created = this.#create(device, sent);
    const command: Command = {
      ...created,
      status: 'pending',
      result: undefined,
      error: undefined,
      updatedAt: created.createdAt,
    };
    const isNew = await transaction(db, async (trx) => {
      if (!(await new KnexCommandRepository(trx).insert(created))) return false;
      await enqueue(trx, publishMessage(command));
      await this.#record(trx, sent, 'ok', { command_id: command.id });
      return true;
    });
    if (isNew) return command;
    // Its twin came first, in the moment since we looked.
    const twin = await this.#sentBefore(device, sent);
    if (twin === undefined) throw new Error('a command with this key is there and cannot be found');
    return twin;
  }

  #create(
    { deviceId, epoch }: CommandedDevice,
    { request, requestId, idempotencyKey }: SentCommand,
  ): NewCommand {
    const { clock, randomBytes } = this.#dependencies;
    const createdAt = clock.now();
    return {
      id: ulidOf(createdAt, randomBytes(10)),
      deviceId,
      epoch,
      type: request.type,
      params: { ...request.params },
      requestId,
      idempotencyKey,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + commandValidMs),
    };
  }

  async #record(
    trx: Database,
    { userId, deviceId, request, requestId }: SentCommand,
    outcome: 'ok' | 'refused',
    details: Record<string, unknown>,
  ): Promise<void> {
    await record(trx, {
      action: 'command.send',
      actor: { kind: 'user', id: userId },
      subject: { kind: 'device', id: deviceId },
      outcome,
      details: { type: request.type, ...details },
      requestId,
    });
  }
}
