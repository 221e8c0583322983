import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PostgresRateLimitStore } from '../../http/rate-limit-store.ts';
import { AppError } from '../../kernel/errors.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { DeviceAccess } from '../devices/device-access.ts';
import { FakeDeviceRepository } from '../devices/fake-device-repository.ts';
import type { ThumbnailRequest, VisionQuestion } from './ai-ports.ts';
import { SummaryService } from './summary-service.ts';

const deviceId = 'aovis-n4k-000001';
const ownedSince = new Date('2026-03-01T00:00:00Z');
const picture = Buffer.from([0xff, 0xd8, 0xff]);
const scene = { labels: ['person', 'package'], summary: 'A person puts a package down.' };
const english = { language: 'en' } as const;

describe('a summary', () => {
  let database: TestDatabase;
  let consented: boolean;
  let entitled: boolean;
  let images: Uint8Array[];
  let answer: () => Promise<string>;
  let taken: [string, ThumbnailRequest][];
  let questions: VisionQuestion[];
  let service: SummaryService;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const compose = (model = true): SummaryService => {
    const db = database.knex;
    const clock = new FakeClock('2026-03-02T00:00:00Z');
    const devices = new FakeDeviceRepository();
    const device = { deviceId, serial: 'N4K-000001', model: 'n4k', ownedSince, epoch: 1, online: true };
    devices.add('owner', { ...device, iccid: undefined, name: undefined, lastSeenAt: undefined });
    devices.add('next owner', { ...device, iccid: undefined, name: undefined, lastSeenAt: undefined });
    return new SummaryService({
      db,
      clock,
      access: new DeviceAccess({
        devices,
        entitlements: { allowance: async () => (entitled ? { until: undefined } : undefined) },
        clock,
      }),
      consent: { given: async () => consented },
      uses: new PostgresRateLimitStore({ db, name: 'ai-summary', windowMs: 86_400_000, random: () => 1 }),
      usesPerDay: 3,
      thumbnails: {
        take: async (stream, request) => {
          taken.push([stream, request]);
          return images;
        },
      },
      model: model
        ? {
            ask: async (question) => {
              questions.push(question);
              return { text: await answer(), inputTokens: 1_250, outputTokens: 40 };
            },
          }
        : undefined,
    });
  };
  beforeEach(async () => {
    await database.knex('rate_limits').delete();
    [consented, entitled, images, taken, questions] = [true, true, [picture, picture], [], []];
    answer = async () => JSON.stringify(scene);
    service = compose();
  });
  let requests = 0;
  const summarize = (request: object = {}, userId = 'owner', signal = new AbortController().signal) => {
    const caller = { userId, deviceId, requestId: `request-${++requests}`, signal };
    return service.summarize(caller, { ...english, ...request });
  };
  /** What the audit log says of the last request. */
  const audited = () =>
    database
      .knex('audit_log')
      .where({ request_id: `request-${requests}` })
      .select('action', 'actor_id', 'subject_id', 'outcome', 'details');

  it('is made of a few small pictures, and nothing of it is kept but that it was made', async () => {
    expect(await summarize({ end: '2026-03-01T10:05:00Z' })).toEqual({
      ...scene,
      language: 'en',
      start: '2026-03-01T10:00:00.000Z',
      end: '2026-03-01T10:05:00.000Z',
      images: 2,
    });
    const range = { start: new Date('2026-03-01T10:00:00Z'), end: new Date('2026-03-01T10:05:00Z') };
    expect(taken).toEqual([
      [`aovis-stream-${deviceId}`, { range, count: 8, heightPixels: 360, maxBytes: 262_144 }],
    ]);
    expect(questions).toMatchObject([{ images, maxOutputTokens: 400 }]);
    expect(await audited()).toEqual([
      {
        action: 'ai.summarize',
        actor_id: 'owner',
        subject_id: deviceId,
        outcome: 'ok',
        details: { images: 2, input_tokens: 1_250, output_tokens: 40 },
      },
    ]);
  });

  it('looks at nothing from before the ownership', async () => {
    const { start } = await summarize({ start: '2026-02-28T23:58:00Z', end: '2026-03-01T00:01:00Z' });
    expect(start).toBe('2026-03-01T00:00:00.000Z');
    await expect(summarize({ end: '2026-03-01T00:00:00Z' })).rejects.toMatchObject({
      code: 'stream_not_available',
    });
  });

  it('is refused in this order', async () => {
    const wrong = { start: '2026-03-01T10:00:00Z', end: '2026-03-01T09:00:00Z' };
    await expect(summarize(wrong)).rejects.toMatchObject({ code: 'invalid_range' });
    consented = false;
    await expect(summarize(wrong)).rejects.toEqual(
      new AppError('consent_required', { details: { consent: 'ai_features' } }),
    );
    expect(await audited()).toMatchObject([{ outcome: 'refused', details: { code: 'consent_required' } }]);
    service = compose(false);
    await expect(summarize(wrong)).rejects.toMatchObject({ code: 'feature_disabled' });
    entitled = false;
    await expect(summarize(wrong)).rejects.toMatchObject({ code: 'entitlement_required' });
    await expect(summarize(wrong, 'stranger')).rejects.toMatchObject({ code: 'device_not_found' });
    expect([taken, questions]).toEqual([[], []]);
  });

  it('is made so often a day, for a user and for a device whoever has it', async () => {
    for (let i = 0; i < 3; i++) await summarize();
    for (const user of ['owner', 'next owner']) {
      await expect(summarize({}, user)).rejects.toMatchObject({
        code: 'rate_limited',
        details: { limit: 3, per: 'day' },
        retryAfterMs: expect.any(Number),
      });
      expect(await audited()).toMatchObject([{ outcome: 'refused', details: { code: 'rate_limited' } }]);
    }
    expect(taken).toHaveLength(3);
  });

  it('of nothing costs nothing', async () => {
    images = [];
    for (let i = 0; i < 5; i++)
      await expect(summarize()).rejects.toMatchObject({ code: 'stream_not_available' });
    expect(questions).toEqual([]);
  });

  it('that the model did not write as asked is none', async () => {
    answer = async () => 'I see Ann Smith.';
    await expect(summarize()).rejects.toMatchObject({ code: 'service_unavailable', retryAfterMs: 10_000 });
    expect(await audited()).toMatchObject([{ outcome: 'failed', details: { images: 2, output_tokens: 40 } }]);
    answer = () => Promise.reject(new AppError('service_unavailable', { retryAfterMs: 1 }));
    await expect(summarize()).rejects.toMatchObject({ code: 'service_unavailable', retryAfterMs: 1 });
  });
});
