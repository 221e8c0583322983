import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import type { Store, Table } from '../kernel/store.ts';
import { StreamMedia } from './stream-media.ts';

/** A stream as the control plane describes it. */
export interface StreamRecord {
  name: string;
  arn: string;
  /** Changes with every change of the record. */
  version: string;
  createdMs: number;
  retentionHours: number;
  deviceName?: string;
  mediaType?: string;
  kmsKeyId: string;
  tags: Record<string, string>;
}

export interface StateOptions {
  region: string;
  accountId: string;
  store: Store;
  clock: Clock;
  /** Where the media goes, a folder for each stream. */
  directory: string;
  /** Of one stream's media on disk; beyond it the oldest goes. */
  maxStreamBytes: number;
}

/** All streams of the account and their media. */
export class State {
  readonly #options: StateOptions;
  readonly #streams: Table<StreamRecord>;
  readonly #media = new Map<string, StreamMedia>();

  constructor(options: StateOptions) {
    this.#options = options;
    this.#streams = options.store.table<StreamRecord>('kinesis-video-streams');
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  }

  /** By name. */
  streams(): StreamRecord[] {
    return [...this.#streams.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): StreamRecord | undefined {
    return this.#streams.get(name);
  }

  create(
    settings: Pick<StreamRecord, 'name' | 'retentionHours' | 'kmsKeyId' | 'tags'> & Partial<StreamRecord>,
  ): StreamRecord {
    const createdMs = this.#options.clock.now();
    const { region, accountId } = this.#options;
    const stream: StreamRecord = {
      ...settings,
      arn: `arn:aws:kinesisvideo:${region}:${accountId}:stream/${settings.name}/${createdMs}`,
      version: newVersion(),
      createdMs,
    };
    this.#streams.put(stream.name, stream);
    return stream;
  }

  update(stream: StreamRecord, change: Partial<StreamRecord>): void {
    this.#streams.put(stream.name, { ...stream, ...change, version: newVersion() });
  }

  /** Tags are no part of the version. */
  tag(stream: StreamRecord, tags: Record<string, string>): void {
    this.#streams.put(stream.name, { ...stream, tags });
  }

  async delete(stream: StreamRecord): Promise<void> {
    const media = this.media(stream);
    this.#streams.delete(stream.name);
    this.#media.delete(stream.arn);
    await media.remove();
  }

  media(stream: StreamRecord): StreamMedia {
    let media = this.#media.get(stream.arn);
    if (media === undefined) {
      media = new StreamMedia(join(this.#options.directory, folderOf(stream)), this.#options.maxStreamBytes);
      this.#media.set(stream.arn, media);
    }
    return media;
  }

  /** Drops what retention no longer covers, in all streams, and the media of streams that are gone. */
  expire(): void {
    const now = this.#options.clock.now();
    const streams = this.streams();
    for (const stream of streams) this.media(stream).expire(now, stream.retentionHours);
    const folders = new Set(streams.map(folderOf));
    for (const folder of readdirSync(this.#options.directory))
      if (!folders.has(folder))
        rmSync(join(this.#options.directory, folder), { recursive: true, force: true });
    const arns = new Set(streams.map(({ arn }) => arn));
    for (const arn of this.#media.keys()) if (!arns.has(arn)) this.#media.delete(arn);
  }

  async settle(): Promise<void> {
    await Promise.all([...this.#media.values()].map((media) => media.settle()));
  }
}

/** A name may be longer than a folder's, so its ARN tells streams apart. */
function folderOf(stream: StreamRecord): string {
  const mark = createHash('sha256').update(stream.arn).digest('hex').slice(0, 12);
  return `${stream.name.slice(0, 100)}-${mark}`;
}

function newVersion(): string {
  return randomBytes(15).toString('base64url');
}
