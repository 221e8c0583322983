import { once } from 'node:events';
import { z } from 'zod';
import type { AwsOperation } from '../../kernel/aws-server.ts';
import { parseInput, type StreamAccess, streamRef, timestampSchema } from '../api.ts';
import { connectionLimitExceeded, invalidArgument } from '../errors.ts';
import { compareFragmentNumbers } from '../fragment-number.ts';
import type { Quotas } from '../quotas.ts';
import type { State } from '../state.ts';
import type { StreamMedia } from '../stream-media.ts';
import { liveTags, withTags } from './media-output.ts';

/** GetMedia connections a stream (quotas). */
const maxReaders = 3;

const inputSchema = z.object({
  ...streamRef,
  StartSelector: z.object({
    StartSelectorType: z.enum([
      'NOW',
      'EARLIEST',
      'FRAGMENT_NUMBER',
      'PRODUCER_TIMESTAMP',
      'SERVER_TIMESTAMP',
      'CONTINUATION_TOKEN',
    ]),
    AfterFragmentNumber: z
      .string()
      .regex(/^[0-9]{1,128}$/)
      .optional(),
    StartTimestamp: timestampSchema.optional(),
    ContinuationToken: z
      .string()
      .regex(/^[0-9]{1,128}$/)
      .optional(),
  }),
});
type StartSelector = z.infer<typeof inputSchema>['StartSelector'];

export interface GetMediaContext {
  state: State;
  access: StreamAccess;
  quotas: Quotas;
}

/** `POST /getMedia`: fragments from a start on, and each new one as soon as it is stored, until the reader leaves. */
export function getMediaOperation({ state, access, quotas }: GetMediaContext): AwsOperation {
  const readers = new Map<string, number>();
  return {
    name: 'GetMedia',
    method: 'POST',
    path: '/getMedia',
    async handle(request) {
      const input = parseInput(inputSchema, request.json());
      const stream = access.get(request.principal, 'GetMedia', input);
      quotas.take('GetMedia', stream.name);
      const open = readers.get(stream.arn) ?? 0;
      if (open >= maxReaders) throw connectionLimitExceeded(`${maxReaders} GetMedia connections a stream`);
      const media = state.media(stream);
      const from = firstOrdinal(media, input.StartSelector);
      const { response } = request.raw;
      const left = new AbortController();
      response.once('close', () => left.abort());
      response.writeHead(200, { 'content-type': 'video/webm' });
      response.flushHeaders();
      readers.set(stream.arn, open + 1);
      try {
        for await (const bytes of fragmentsFrom(media, from, left.signal)) {
          if (!response.write(bytes)) await once(response, 'drain', { signal: left.signal });
        }
      } catch (error) {
        if (!left.signal.aborted) throw error;
      } finally {
        readers.set(stream.arn, (readers.get(stream.arn) ?? 1) - 1);
      }
      return undefined;
    },
  };
}

function firstOrdinal(media: StreamMedia, selector: StartSelector): number {
  const after = selector.AfterFragmentNumber ?? selector.ContinuationToken;
  const startMs = selector.StartTimestamp;
  const next = (media.newest?.ordinal ?? -1) + 1;
  const find = (
    wanted: (fragment: { number: string; producerMs: number; serverMs: number }) => boolean,
  ): number => media.fragments.find(wanted)?.ordinal ?? next;
  switch (selector.StartSelectorType) {
    case 'NOW':
      return media.newest?.ordinal ?? 0;
    case 'EARLIEST':
      return media.fragments[0]?.ordinal ?? 0;
    case 'FRAGMENT_NUMBER':
    case 'CONTINUATION_TOKEN':
      if (after === undefined)
        throw invalidArgument('StartSelector needs AfterFragmentNumber or ContinuationToken for its type.');
      return find(({ number }) => compareFragmentNumbers(number, after) > 0);
    case 'PRODUCER_TIMESTAMP':
    case 'SERVER_TIMESTAMP':
      if (startMs === undefined) throw invalidArgument('StartSelector needs StartTimestamp for its type.');
      return find(({ producerMs, serverMs }) =>
        selector.StartSelectorType === 'PRODUCER_TIMESTAMP' ? producerMs >= startMs : serverMs >= startMs,
      );
  }
}

async function* fragmentsFrom(media: StreamMedia, from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  let next = from;
  let wake = (): void => undefined;
  const stop = media.onStored(() => wake());
  signal.addEventListener('abort', () => wake(), { once: true });
  try {
    while (!signal.aborted) {
      const [fragment] = media.since(next);
      if (fragment === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      next = fragment.ordinal + 1;
      const bytes = await media.read(fragment.number);
      if (bytes !== undefined) yield withTags(bytes, liveTags(fragment, media.newest ?? fragment));
    }
  } finally {
    stop();
  }
}
