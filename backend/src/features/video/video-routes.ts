import { getDeviceClip, getDeviceStream, inviteViewer } from '@aovis/contracts/http/video';
import { handle, type Route } from '../../http/route.ts';
import type { ClipService } from './clip-service.ts';
import type { LiveService } from './live-service.ts';
import type { StreamService } from './stream-service.ts';

export interface VideoRouteDependencies {
  streams: StreamService;
  clips: ClipService;
  live: LiveService;
}

export function videoRoutes({ streams, clips, live }: VideoRouteDependencies): Route[] {
  return [
    handle(getDeviceStream, async ({ params, query, user }) => ({
      status: 200,
      body: await streams.open(user.id, params.id, query),
    })),
    handle(getDeviceClip, async ({ params, query, user, requestContext }) => {
      const range = { start: new Date(query.start), end: new Date(query.end) };
      const { fileName, video } = await clips.open(user.id, params.id, range, requestContext.hungUp);
      return {
        status: 200,
        body: video,
        headers: { 'Content-Disposition': `attachment; filename="${fileName}"` },
      };
    }),
    handle(inviteViewer, async ({ params, user }) => ({
      status: 200,
      body: await live.invite(user.id, params.id),
    })),
  ];
}
