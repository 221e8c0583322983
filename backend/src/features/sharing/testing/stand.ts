import { randomUUID } from 'node:crypto';
import type { Database } from '../../../db/database.ts';
import { FakeClock } from '../../../kernel/fake-clock.ts';
import type { Mail } from '../../../mail/mailer.ts';
import type { OutboxHandlers } from '../../../outbox/outbox.ts';
import { DeviceAccess } from '../../devices/device-access.ts';
import { deviceOutboxHandlers } from '../../devices/device-outbox.ts';
import { KnexDeviceRepository } from '../../devices/device-repository.ts';
import { DeviceService } from '../../devices/device-service.ts';
import { FakeShadows } from '../../devices/testing/fake-shadows.ts';
import { seedBoard, seedOwnership } from '../../devices/testing/seed.ts';
import { KnexEntitlementRepository } from '../../entitlements/entitlement-repository.ts';
import { EntitlementService } from '../../entitlements/entitlement-service.ts';
import { InvitationTokens } from '../invitation-tokens.ts';
import { ShareService, type SharingCaller } from '../share-service.ts';
import { sharingOutboxHandlers } from '../sharing-outbox.ts';
import { TransferService } from '../transfer-service.ts';

export interface Person extends SharingCaller {
  email: string;
}

/** The services of sharing over a real database, a board with an owner, and a mailbox. */
export class SharingStand {
  readonly clock = new FakeClock('2026-03-01T08:00:00Z');
  readonly shadows = new FakeShadows();
  readonly mails: Mail[] = [];
  readonly access: DeviceAccess;
  readonly devices: DeviceService;
  readonly shares: ShareService;
  readonly transfers: TransferService;
  readonly #db: Database;
  readonly #handlers: OutboxHandlers;

  constructor(db: Database) {
    this.#db = db;
    const { clock, shadows } = this;
    const entitlementsIn = (database: Database): EntitlementService =>
      new EntitlementService({ repository: new KnexEntitlementRepository(database), clock });
    const entitlements = entitlementsIn(db);
    const tokens = new InvitationTokens('root-of-the-tokens-of-these-tests', {
      share: 'https://aovis.example/accept/share',
      transfer: 'https://aovis.example/accept/transfer',
    });
    const mailer = { send: async (mail: Mail) => void this.mails.push(mail) };
    const streams = { ensureStream: async () => {} };
    const channels = { ensureChannel: async () => {} };
    this.access = new DeviceAccess({ devices: new KnexDeviceRepository(db), entitlements, clock });
    const mailAllowance = { take: async () => {} };
    const common = { db, clock, access: this.access, tokens, mailAllowance };
    this.devices = new DeviceService({ ...common, entitlements, shadows });
    this.shares = new ShareService(common);
    this.transfers = new TransferService({ ...common, entitlementsIn });
    this.#handlers = {
      ...sharingOutboxHandlers({ db, clock, mailer, tokens }),
      ...deviceOutboxHandlers({ db, streams, channels, shadows, retentionHours: 24 }),
    };
  }

  /** Somebody with a verified address, or with the same not verified. */
  async person({ verified = true }: { verified?: boolean } = {}): Promise<Person> {
    const email = `${randomUUID()}@example.com`;
    const [row] = await this.#db('users')
      .insert({ email, email_verified_at: verified ? new Date() : null })
      .returning<{ id: string }[]>('id');
    if (row === undefined) throw new Error('no user was stored');
    return { userId: row.id, email, requestId: randomUUID() };
  }

  /** Owned since an hour ago. */
  async board(owner: Person): Promise<string> {
    const deviceId = await seedBoard(this.#db);
    const startedAt = new Date(this.clock.now().getTime() - 3_600_000);
    await seedOwnership(this.#db, { userId: owner.userId, deviceId, startedAt, name: 'Nursery' });
    await this.#db('devices').where({ device_id: deviceId }).update({ ownership_epoch: 1 });
    return deviceId;
  }

  /** Carries out what lies in the outbox, in order. */
  async runOutbox(): Promise<void> {
    const rows = await this.#db('outbox')
      .orderBy('id')
      .select<{ id: string; topic: string; payload: unknown }[]>('id', 'topic', 'payload');
    for (const { id, topic, payload } of rows) {
      await this.#handlers[topic]?.(payload, { attempt: 1, signal: new AbortController().signal });
      await this.#db('outbox').where({ id }).delete();
    }
  }

  /** The token of the newest mail, which must have come. */
  async mailedToken(): Promise<string> {
    await this.runOutbox();
    return tokenIn(this.mails.at(-1)?.text);
  }
}

export function tokenIn(text: string | null | undefined): string {
  const [, token] = /#token=([\w-]{43})/.exec(text ?? '') ?? [];
  if (token === undefined) throw new Error(`there is no token in: ${text}`);
  return token;
}

/** Codes of those that were refused, and how many were not. */
export function outcomes(results: readonly PromiseSettledResult<unknown>[]) {
  const codes = results.flatMap((result) =>
    result.status === 'rejected' ? [(result.reason as { code?: string }).code ?? String(result.reason)] : [],
  );
  return { succeeded: results.length - codes.length, codes: [...new Set(codes)] };
}
