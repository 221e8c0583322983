import {
  claimLineBoard,
  provisionLineBoard,
  registerLineBoard,
  rotateLineCredentials,
  takeLineCredentials,
} from '@aovis/contracts/http/line';
import { handle, type Route } from '../../http/route.ts';
import { AppError } from '../../kernel/errors.ts';
import type { LineCredentialsService } from './line-credentials-service.ts';
import type { LineService } from './line-service.ts';

const options = { limits: ['line'] } as const;

export function lineRoutes({
  line,
  credentials,
}: {
  line: LineService;
  credentials: LineCredentialsService;
}): Route[] {
  return [
    handle(
      provisionLineBoard,
      async ({ body, factory, requestContext: { requestId } }) => ({
        status: 200,
        body: await line.provision({ factory, requestId }, body),
      }),
      options,
    ),
    handle(
      claimLineBoard,
      async ({ body, factory, requestContext: { requestId } }) => ({
        status: 200,
        body: await line.claim({ factory, requestId }, body),
      }),
      options,
    ),
    handle(
      registerLineBoard,
      async ({ body, factory, requestContext: { requestId } }) => ({
        status: 200,
        body: await line.register({ factory, requestId }, body),
      }),
      options,
    ),
    handle(
      takeLineCredentials,
      async ({ params, factory, requestContext: { requestId, method } }) => {
        // HEAD would erase what it does not show.
        if (method !== 'GET') throw new AppError('method_not_allowed');
        return { status: 200, body: await credentials.take({ factory, requestId }, params.id) };
      },
      options,
    ),
    handle(
      rotateLineCredentials,
      async ({ params, body, factory, requestContext: { requestId } }) => ({
        status: 200,
        body: await line.rotate({ factory, requestId }, params.id, body),
      }),
      { ...options, idempotent: true },
    ),
  ];
}
