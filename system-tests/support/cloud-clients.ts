import type { Endpoints } from '@aovis/simulator/endpoints';
import { IoTClient } from '@aws-sdk/client-iot';
import { KinesisVideoClient } from '@aws-sdk/client-kinesis-video';
import {
  KinesisVideoArchivedMediaClient,
  paginateListFragments,
} from '@aws-sdk/client-kinesis-video-archived-media';

/** AWS's own clients on the account of a local system: nothing but endpoints and credentials are set. */
export class CloudClients {
  readonly iot: IoTClient;
  readonly video: KinesisVideoClient;
  readonly archive: KinesisVideoArchivedMediaClient;

  constructor({ region, accessKeyId, secretAccessKey, iot, kinesisVideoUrl }: Endpoints) {
    const common = { region, credentials: { accessKeyId, secretAccessKey } };
    this.iot = new IoTClient({ ...common, endpoint: iot.controlUrl });
    this.video = new KinesisVideoClient({ ...common, endpoint: kinesisVideoUrl });
    this.archive = new KinesisVideoArchivedMediaClient({ ...common, endpoint: kinesisVideoUrl });
  }

  /** All fragments the service holds of a stream, by producer time. */
  async fragments(streamName: string): Promise<StoredFragment[]> {
    const fragments: StoredFragment[] = [];
    // Large pages: the service takes five calls a second.
    const paging = { client: this.archive, pageSize: 1_000 };
    for await (const page of paginateListFragments(paging, { StreamName: streamName })) {
      for (const { FragmentNumber, ProducerTimestamp, FragmentLengthInMilliseconds } of page.Fragments ?? [])
        fragments.push({
          number: FragmentNumber ?? '',
          startMs: ProducerTimestamp?.getTime() ?? Number.NaN,
          lengthMs: FragmentLengthInMilliseconds ?? Number.NaN,
        });
    }
    return fragments.sort((a, b) => a.startMs - b.startMs);
  }

  close(): void {
    for (const client of [this.iot, this.video, this.archive]) client.destroy();
  }
}

export interface StoredFragment {
  number: string;
  /** The board's clock, milliseconds since the epoch. */
  startMs: number;
  lengthMs: number;
}

/** Where pictures are missing between one fragment and the next; empty when none are. Wants them by producer time. */
export function gaps(fragments: readonly StoredFragment[]): string[] {
  return fragments.flatMap(({ startMs }, index) => {
    const previous = fragments[index - 1];
    if (previous === undefined) return [];
    const missingMs = startMs - (previous.startMs + previous.lengthMs);
    return missingMs > roundingMs ? [`${missingMs} ms before ${startMs}`] : [];
  });
}

/** Producer times that are stored more than once. */
export function duplicates(fragments: readonly StoredFragment[]): number[] {
  return fragments.flatMap(({ startMs }, index) =>
    fragments.findIndex((other) => other.startMs === startMs) < index ? [startMs] : [],
  );
}

/** Half a picture: timestamps are whole milliseconds, a fragment's last picture lasts as long as the one before. */
const roundingMs = 17;
