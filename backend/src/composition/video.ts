import { randomUUID } from 'node:crypto';
import { ClipService } from '../features/video/clip-service.ts';
import { LiveService } from '../features/video/live-service.ts';
import { StreamService } from '../features/video/stream-service.ts';
import { videoRoutes } from '../features/video/video-routes.ts';
import type { Core, Feature } from './core.ts';

export function composeVideo({ adapters, access }: Core): Feature {
  const { clock, hls, clips, liveChannels } = adapters;
  return {
    routes: videoRoutes({
      streams: new StreamService({ access, sessions: hls, clock }),
      clips: new ClipService({ access, clips, clock }),
      live: new LiveService({
        access,
        channels: liveChannels,
        clock,
        newUnique: randomUUID,
      }),
    }),
  };
}
