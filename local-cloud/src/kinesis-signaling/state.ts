import { randomBytes } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { Store, Table } from '../kernel/store.ts';

/** A signaling channel as the control plane describes it; its type is always SINGLE_MASTER. */
export interface ChannelRecord {
  name: string;
  arn: string;
  /** Changes with every change of the record. */
  version: string;
  createdMs: number;
  /** How long a message waits for a recipient who is not connected. */
  messageTtlSeconds: number;
  tags: Record<string, string>;
}

export interface ChannelsOptions {
  region: string;
  accountId: string;
  store: Store;
  clock: Clock;
}

/** All signaling channels of the account. */
export class Channels {
  readonly #options: ChannelsOptions;
  readonly #table: Table<ChannelRecord>;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    this.#table = options.store.table<ChannelRecord>('kinesis-signaling-channels');
  }

  /** By name. */
  list(): ChannelRecord[] {
    return [...this.#table.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): ChannelRecord | undefined {
    return this.#table.get(name);
  }

  create(settings: Pick<ChannelRecord, 'name' | 'messageTtlSeconds' | 'tags'>): ChannelRecord {
    const createdMs = this.#options.clock.now();
    const arn = this.arnOf(settings.name, createdMs);
    const channel: ChannelRecord = { ...settings, arn, version: newVersion(), createdMs };
    this.#table.put(channel.name, channel);
    return channel;
  }

  update(channel: ChannelRecord, change: Pick<ChannelRecord, 'messageTtlSeconds'>): void {
    this.#table.put(channel.name, { ...channel, ...change, version: newVersion() });
  }

  delete(channel: ChannelRecord): void {
    this.#table.delete(channel.name);
  }

  arnOf(name: string, createdMs: number): string {
    const { region, accountId } = this.#options;
    return `arn:aws:kinesisvideo:${region}:${accountId}:channel/${name}/${createdMs}`;
  }
}

function newVersion(): string {
  return randomBytes(15).toString('base64url');
}
