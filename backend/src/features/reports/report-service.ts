import type { ReportedEvent, ReportedSample, TelemetryBucket } from '@aovis/contracts/http/reports';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { integerForm, type PageRequest, pageOf, readCursor } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import type { OwnedDevice } from '../devices/device.ts';
import type { DeviceAccess } from '../devices/device-access.ts';
import { type AskedRange, bucketedRange, isEmpty, type ReportRange, reportRange } from './report-range.ts';
import { KnexReportRepository, type ReportQuery } from './report-repository.ts';

export interface ReportDependencies {
  db: Database;
  clock: Clock;
  access: DeviceAccess;
}

export interface AskedReports extends AskedRange, PageRequest {
  userId: string;
  deviceId: string;
}

export interface Page<T> {
  page: T[];
  nextCursor: string | null;
}

const ulidForm = /^[0-9A-HJKMNP-TV-Z]{26}$/;
const unitForm = /^[a-z]{1,32}$/;

/** What boards reported since they belong to their present owner. */
export class ReportService {
  readonly #dependencies: ReportDependencies;

  constructor(dependencies: ReportDependencies) {
    this.#dependencies = dependencies;
  }

  /** For viewers too. @throws AppError device_not_found, invalid_range, invalid_request when the cursor is none of ours */
  async events(asked: AskedReports, type: string | undefined): Promise<Page<ReportedEvent>> {
    const { access } = this.#dependencies;
    const device = await access.assertDeviceServiceAccess(asked.userId, asked.deviceId, undefined, {
      minimum: 'viewer',
    });
    const query = queryOf(device, reportRange(asked, device.ownedSince), asked, ulidForm);
    const found = isEmpty(query.range) ? [] : await this.#repository.events(query, type);
    const { page, nextCursor } = pageOf(found, asked.limit, (event) => ({
      at: event.occurred_at,
      key: event.event_id,
    }));
    return {
      page: page.map(({ occurred_at, seq, ...event }) => ({
        ...event,
        occurred_at: occurred_at.toISOString(),
        seq: Number(seq),
      })),
      nextCursor,
    };
  }

  /** @throws AppError as `events`, and forbidden for a viewer */
  async samples(asked: AskedReports, metric: string | undefined): Promise<Page<ReportedSample>> {
    const device = await this.#dependencies.access.assertDeviceServiceAccess(asked.userId, asked.deviceId);
    const query = queryOf(device, reportRange(asked, device.ownedSince), asked, integerForm);
    const found = isEmpty(query.range) ? [] : await this.#repository.samples(query, metric);
    const { page, nextCursor } = pageOf(found, asked.limit, ({ at, id }) => ({ at, key: id }));
    return {
      page: page.map(({ metric: name, value, unit, at }) => ({
        metric: name,
        value,
        unit,
        at: at.toISOString(),
      })),
      nextCursor,
    };
  }

  /** @throws AppError as `samples`, and invalid_request without a metric */
  async buckets(
    asked: AskedReports,
    { metric, seconds }: { metric: string | undefined; seconds: number },
  ): Promise<Page<TelemetryBucket>> {
    const { access, clock } = this.#dependencies;
    const device = await access.assertDeviceServiceAccess(asked.userId, asked.deviceId);
    if (metric === undefined)
      throw new AppError('invalid_request', {
        details: [{ path: 'query.metric', message: 'name the metric that is to be down-sampled' }],
      });
    const query = queryOf(device, bucketedRange(asked, device.ownedSince, clock.now()), asked, unitForm);
    const found = isEmpty(query.range) ? [] : await this.#repository.buckets(query, { metric, seconds });
    const { page, nextCursor } = pageOf(found, asked.limit, ({ at, unit }) => ({ at, key: unit }));
    return { page: page.map(({ at, ...bucket }) => ({ ...bucket, at: at.toISOString() })), nextCursor };
  }

  get #repository(): KnexReportRepository {
    return new KnexReportRepository(this.#dependencies.db);
  }
}

function queryOf(
  { deviceId, ownedSince }: OwnedDevice,
  range: ReportRange,
  { limit, cursor }: PageRequest,
  keyForm: RegExp,
): ReportQuery {
  const after = readCursor(cursor, keyForm);
  return { deviceId, range, receivedSince: ownedSince, after, limit: limit + 1 };
}
