import { summarizeDeviceVideo } from '@aovis/contracts/http/video';
import { handle, type Route } from '../../http/route.ts';
import type { SummaryService } from './summary-service.ts';

export function aiRoutes(summaries: SummaryService): Route[] {
  return [
    handle(summarizeDeviceVideo, async ({ params, body, user, requestContext: { requestId, hungUp } }) => ({
      status: 200,
      body: await summaries.summarize(
        { userId: user.id, deviceId: params.id, requestId, signal: hungUp },
        body,
      ),
    })),
  ];
}
