import { iotSignatureHeader, iotTimestampHeader, receiveIotEvent } from '@aovis/contracts/http/ingestion';
import { handle, type Route } from '../../http/route.ts';
import type { IngestionService } from './ingestion-service.ts';

export function ingestionRoutes(ingestion: IngestionService): Route[] {
  return [
    handle(
      receiveIotEvent,
      async ({ body, requestContext: { requestId } }) => ({
        status: 200,
        body: await ingestion.take(body, requestId),
      }),
      {
        before: (context) =>
          ingestion.assertSigned(
            {
              timestamp: context.header(iotTimestampHeader),
              signature: context.header(iotSignatureHeader),
              rawBody: context.rawBody,
            },
            context.requestId,
          ),
      },
    ),
  ];
}
