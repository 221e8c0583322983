import type { AdminRoute } from '../kernel/admin-route.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound } from './errors.ts';
import type { HlsSessions } from './hls/hls-session.ts';
import type { Connections } from './put-media/connections.ts';
import type { State, StreamRecord } from './state.ts';

export interface AdminContext {
  state: State;
  connections: Connections;
  sessions: HlsSessions;
  clock: Clock;
}

const lastFragments = 10;

/** What goes on inside, for people and tests: streams, connections, the latest fragments, bytes held. */
export function kinesisVideoAdminRoutes({ state, connections, sessions, clock }: AdminContext): AdminRoute[] {
  const describe = (stream: StreamRecord): object => {
    const media = state.media(stream);
    return {
      name: stream.name,
      arn: stream.arn,
      retentionHours: stream.retentionHours,
      fragments: media.fragments.length,
      bytes: media.bytes,
      connections: connections.of(stream.arn).map(({ status }) => ({
        ageMs: clock.now() - status.openedMs,
        ...status,
      })),
      lastFragments: media.fragments.slice(-lastFragments).map((fragment) => ({
        number: fragment.number,
        producerTime: new Date(fragment.producerMs).toISOString(),
        serverTime: new Date(fragment.serverMs).toISOString(),
        lengthMs: fragment.lengthMs,
        frames: fragment.frames,
        sizeBytes: fragment.sizeBytes,
      })),
    };
  };
  const get = (name: string | undefined): StreamRecord => {
    const stream = state.find(name ?? '');
    if (stream === undefined) throw notFound(`There is no stream ${name}.`);
    return stream;
  };
  return [
    {
      method: 'GET',
      path: '/_local/kinesis-video',
      summary: 'Streams, their PutMedia connections, latest fragments and bytes held; open HLS sessions',
      handle: () => ({ streams: state.streams().map(describe), hlsSessions: sessions.size }),
    },
    {
      method: 'GET',
      path: '/_local/kinesis-video/streams/{streamName}',
      summary: 'One stream, as above',
      handle: ({ params }) => describe(get(params['streamName'])),
    },
    {
      method: 'POST',
      path: '/_local/kinesis-video/streams/{streamName}/disconnect',
      summary: 'Ends the PutMedia connections of the stream, as the service does after 45 minutes',
      handle: ({ params }) => {
        const open = connections.of(get(params['streamName']).arn);
        for (const session of open) session.end(4003);
        return { ended: open.length };
      },
    },
  ];
}
