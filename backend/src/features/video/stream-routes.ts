import { getDeviceStream } from '@aovis/contracts/http/devices';
import { handle, type Route } from '../../http/route.ts';
import type { StreamService } from './stream-service.ts';

export function streamRoutes(streams: StreamService): Route[] {
  return [
    handle(getDeviceStream, async ({ params, query, user }) => ({
      status: 200,
      body: await streams.open(user.id, params.id, query),
    })),
  ];
}
