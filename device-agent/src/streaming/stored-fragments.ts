import * as z from 'zod';
import { callService, type ServiceCaller } from './service-call.ts';

/** Producer times of fragments, milliseconds since the epoch, both included. */
export interface ProducerTimeRange {
  fromMs: number;
  toMs: number;
}

/** The service gives at most 1,000 fragments a page; one is under 300 characters. */
const pageSize = 1_000;
const maxAnswerChars = 1_000_000;
/** The service's times are seconds with fractions: rounding must not leave the last fragment outside. */
const marginMs = 500;
const pageSchema = z.object({
  Fragments: z.array(z.object({ ProducerTimestamp: z.number() })),
  NextToken: z.string().nullish(),
});

/**
 * The producer times, in milliseconds, of the fragments that the service holds (Kinesis Video Archived Media API
 * Reference, "ListFragments"). It may learn of a fragment up to a second after having stored it. Rejects as
 * `callService`. Needs `kinesisvideo:ListFragments`.
 */
export async function findStoredFragments(
  caller: ServiceCaller,
  endpoint: URL,
  { fromMs, toMs }: ProducerTimeRange,
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const stored = new Set<number>();
  const range = { StartTimestamp: (fromMs - marginMs) / 1_000, EndTimestamp: (toMs + marginMs) / 1_000 };
  const body = {
    StreamName: caller.streamName,
    MaxResults: pageSize,
    FragmentSelector: { FragmentSelectorType: 'PRODUCER_TIMESTAMP', TimestampRange: range },
  };
  let next: { NextToken?: string } | undefined = {};
  while (next !== undefined) {
    const page = pageSchema.parse(
      await callService(caller, {
        operation: 'ListFragments',
        endpoint,
        body: { ...body, ...next },
        maxAnswerChars,
        signal,
      }),
    );
    for (const { ProducerTimestamp } of page.Fragments) stored.add(Math.round(ProducerTimestamp * 1_000));
    next = typeof page.NextToken === 'string' ? { NextToken: page.NextToken } : undefined;
  }
  return stored;
}
