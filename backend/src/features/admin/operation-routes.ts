import {
  discardDeadLetter,
  getDeadLetter,
  listDeadLetters,
  listJobs,
  reviveDeadLetter,
  searchAudit,
} from '@aovis/contracts/http/admin-operations';
import type { Database } from '../../db/database.ts';
import { handle, type Route } from '../../http/route.ts';
import { searchAuditLog } from './audit-search.ts';
import type { OperationsService } from './operations-service.ts';
import { recordReading } from './staff.ts';
import { staffOf } from './staff-request.ts';

export interface OperationRouteDependencies {
  db: Database;
  operations: OperationsService;
}

export function operationRoutes({ db, operations }: OperationRouteDependencies): Route[] {
  return [
    handle(searchAudit, async (input) => {
      const body = await searchAuditLog(db, input.query);
      await recordReading(db, staffOf(input), { kind: 'audit_log', found: body.entries.length });
      return { status: 200, body };
    }),
    handle(listDeadLetters, async (input) => {
      const { letters, nextCursor } = await operations.deadLetters(input.query);
      await recordReading(db, staffOf(input), { kind: 'outbox_message', found: letters.length });
      return { status: 200, body: { dead_letters: letters, next_cursor: nextCursor } };
    }),
    handle(getDeadLetter, async (input) => {
      const body = await operations.deadLetter(input.params.id);
      await recordReading(db, staffOf(input), { kind: 'outbox_message', id: body.id, found: 1 });
      return { status: 200, body };
    }),
    handle(reviveDeadLetter, async (input) => {
      await operations.revive(staffOf(input), input.params.id, input.body.reason);
      return { status: 200, body: { revived: true as const } };
    }),
    handle(discardDeadLetter, async (input) => {
      await operations.discard(staffOf(input), input.params.id, input.body.reason);
      return { status: 200, body: { discarded: true as const } };
    }),
    handle(listJobs, async () => ({ status: 200, body: { jobs: await operations.jobs() } })),
  ];
}
