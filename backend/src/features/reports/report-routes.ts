import { listDeviceEvents, listDeviceTelemetry } from '@aovis/contracts/http/reports';
import { handle, type Route } from '../../http/route.ts';
import type { ReportService } from './report-service.ts';

export function reportRoutes(reports: ReportService): Route[] {
  return [
    handle(listDeviceEvents, async ({ params, query: { type, ...query }, user }) => {
      const asked = { ...query, userId: user.id, deviceId: params.id };
      const { page, nextCursor } = await reports.events(asked, type);
      return { status: 200, body: { events: page, next_cursor: nextCursor } };
    }),
    handle(listDeviceTelemetry, async ({ params, query: { metric, bucket_s, ...query }, user }) => {
      const asked = { ...query, userId: user.id, deviceId: params.id };
      if (bucket_s === undefined) {
        const { page, nextCursor } = await reports.samples(asked, metric);
        return { status: 200, body: { samples: page, next_cursor: nextCursor } };
      }
      const { page, nextCursor } = await reports.buckets(asked, { metric, seconds: bucket_s });
      return { status: 200, body: { buckets: page, next_cursor: nextCursor } };
    }),
  ];
}
