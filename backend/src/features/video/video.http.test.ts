import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { AppError } from '../../kernel/errors.ts';
import { createDeviceApp, type DeviceApp } from '../../testing/device-app.ts';
import { insertConsent } from '../account/consents.ts';
import type { VisionModel } from '../ai/ai-ports.ts';
import { seedBoard, seedOwnership, seedShare, seedUser } from '../devices/testing/seed.ts';
import type { ClipSize } from './clip-rules.ts';
import type { VideoRange } from './video-range.ts';

const ownedSince = new Date('2026-03-01T00:00:00Z');
const seen = JSON.stringify({ labels: ['dog'], summary: 'Ein Hund wartet.' });
const minute = 'start=2026-03-01T07:00:00Z&end=2026-03-01T07:01:00Z';

describe('the video routes', () => {
  let database: TestDatabase;
  let app: DeviceApp;
  let owner: string;
  let stranger: string;
  let deviceId: string;
  let size: ClipSize;
  let video: (signal: AbortSignal) => Promise<Readable>;
  let ranges: VideoRange[];
  let model: VisionModel | undefined;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    const db = database.knex;
    size = { fragments: 30, bytes: 15_000_000 };
    video = async () => Readable.from([Buffer.from('ftyp'), Buffer.from('moov')]);
    ranges = [];
    model = { ask: async () => ({ text: seen, inputTokens: 1_250, outputTokens: 40 }) };
    app = createApp();
    [owner, stranger] = [await seedUser(db), await seedUser(db)];
    deviceId = await seedBoard(db);
    await seedOwnership(db, { userId: owner, deviceId, startedAt: ownedSince });
    await entitle(true);
  });
  afterEach(() => {
    app.server.closeAllConnections();
    app.server.close();
  });

  const createApp = (environment: Record<string, string> = {}): DeviceApp =>
    createDeviceApp(database.knex, database.url, environment, {
      clips: {
        measure: async () => size,
        open: async (_stream, range, signal) => {
          ranges.push(range);
          return video(signal);
        },
      },
      liveChannels: {
        ensureChannel: async () => {},
        invite: async (channel, clientId) => ({
          wssUrl: `wss://v-1.example/?X-Amz-ChannelARN=${channel}&X-Amz-ClientId=${clientId}`,
          iceServers: [
            { urls: ['stun:stun.example:443'] },
            { urls: ['turn:192.0.2.1:443'], username: 'u', credential: 'p' },
          ],
          expiresAt: new Date('2026-03-01T08:04:59Z'),
        }),
      },
      thumbnails: { take: async () => [Buffer.from([0xff, 0xd8, 0xff])] },
      visionModel: model,
    });
  async function entitle(is: boolean): Promise<void> {
    const trial = { user_id: owner, device_id: deviceId, capability: 'cloud_playback' };
    await database.knex('entitlements').where(trial).delete();
    const endsAt = is ? '2026-03-31T00:00:00Z' : '2026-03-01T01:00:00Z';
    await database
      .knex('entitlements')
      .insert({ ...trial, source: 'trial', starts_at: ownedSince, ends_at: new Date(endsAt) });
  }
  const ask = (method: 'get' | 'post', path: string, user?: string) => {
    const test = request(app.server)[method](`/api/devices/${path}`).set('X-Request-Id', 'test');
    return user === undefined ? test : test.set('Authorization', `Bearer ${user}`);
  };
  const routes = [
    ['get', `clip?${minute}`, undefined],
    ['post', 'webrtc', undefined],
    ['post', 'ai/summary', {}],
  ] as const;

  it.each(routes)(
    '%s %s: who is not signed in, or has no such device, learns nothing',
    async (method, path, body) => {
      await ask(method, `${deviceId}/${path}`).send(body).expect(401);
      const answers = await Promise.all(
        [deviceId, 'aovis-n4k-999999', '..%00'].map((id) =>
          ask(method, `${id}/${path}`, stranger).send(body).expect(404),
        ),
      );
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      expect(answers[0]?.body.error.code).toBe('device_not_found');
    },
  );

  it.each([routes[0], routes[2]])('%s %s: what a plan must allow is named', async (method, path, body) => {
    await entitle(false);
    const { body: refusal } = await ask(method, `${deviceId}/${path}`, owner).send(body).expect(403);
    expect(refusal.error).toMatchObject({
      code: 'entitlement_required',
      details: { capability: 'cloud_playback' },
    });
  });

  it('let a viewer see, on the owner’s plan, and leave summaries to the owner', async () => {
    const until = new Date('2026-03-01T09:00:00Z');
    await seedShare(database.knex, { deviceId, viewerId: stranger, until });
    await ask('get', `${deviceId}/clip?${minute}`, stranger).expect(200);
    await ask('get', `${deviceId}/stream`, stranger).expect(200);
    await ask('post', `${deviceId}/webrtc`, stranger).expect(200);
    const refused = await ask('post', `${deviceId}/ai/summary`, stranger).send({}).expect(403);
    expect(refused.body.error.code).toBe('forbidden');
    await entitle(false);
    await ask('get', `${deviceId}/clip?${minute}`, stranger).expect(403);
    app.clock.advance(3_600_000);
    await ask('post', `${deviceId}/webrtc`, stranger).expect(404);
  });

  describe('of clips', () => {
    const clip = (query = minute) => ask('get', `${deviceId}/clip?${query}`, owner);

    it('send an MP4 with a name, for nobody to keep on the way', async () => {
      const { headers, body } = await clip().buffer(true).parse(bytesOf).expect(200);
      expect(String(body)).toBe('ftypmoov');
      expect(headers).toMatchObject({
        'content-type': 'video/mp4',
        'content-disposition': `attachment; filename="${deviceId}_2026-03-01T07-00-00Z.mp4"`,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
    });

    it('begin no earlier than the ownership', async () => {
      await clip('start=2026-02-28T23:00:00Z&end=2026-03-01T00:01:00Z').expect(200);
      expect(ranges).toEqual([{ start: ownedSince, end: new Date('2026-03-01T00:01:00Z') }]);
    });

    it.each([
      ['', 'invalid_request'],
      ['start=2026-03-01T07:00:00Z', 'invalid_request'],
      ['start=yesterday&end=today', 'invalid_request'],
      ['start=2026-03-01T07:00:00Z&end=2026-03-01T06:00:00Z', 'invalid_range'],
      ['start=2026-03-01T09:00:00Z&end=2026-03-01T09:01:00Z', 'invalid_range'],
      ['start=2026-02-27T07:00:00Z&end=2026-03-01T07:00:00Z', 'invalid_range'],
    ])('refuse %j', async (query, code) => {
      expect((await clip(query).expect(400)).body.error.code).toBe(code);
    });

    it('say what does not fit, and that there is nothing', async () => {
      size = { fragments: 201, bytes: 1 };
      const { body } = await clip().expect(400);
      expect(body.error).toMatchObject({
        code: 'invalid_range',
        details: { problem: expect.stringContaining('at most 200 fragments') },
      });
      size = { fragments: 0, bytes: 0 };
      expect((await clip().expect(409)).body.error.code).toBe('stream_not_available');
      size = { fragments: 1, bytes: 1 };
      video = () => Promise.reject(new AppError('service_unavailable', { retryAfterMs: 2_000 }));
      expect((await clip().expect(503)).headers['retry-after']).toBe('2');
    });

    it('end the work when the client leaves while the service still prepares it', async () => {
      const asked = new Promise<AbortSignal>((resolve) => {
        video = (signal) => {
          resolve(signal);
          return new Promise(() => {});
        };
      });
      const client = await open();
      const signal = await asked;
      client.destroy();
      if (!signal.aborted) await once(signal, 'abort');
    });

    it('end it when the client leaves in the middle', async () => {
      const upstream = new Readable({ read() {} });
      upstream.push(Buffer.alloc(1_000));
      video = async () => upstream;
      const client = await open();
      const [answer] = (await once(client, 'response')) as [IncomingMessage];
      await once(answer, 'data');
      const closed = new Promise<void>((resolve) => void upstream.once('close', () => resolve()));
      client.destroy();
      await closed;
    });

    async function open() {
      app.server.listen(0, '127.0.0.1');
      await once(app.server, 'listening');
      const { port } = app.server.address() as AddressInfo;
      const client = get({
        host: '127.0.0.1',
        port,
        path: `/api/devices/${deviceId}/clip?${minute}`,
        headers: { Authorization: `Bearer ${owner}` },
        agent: false,
      });
      client.on('error', () => {});
      return client;
    }
  });

  describe('of live view', () => {
    it('invite an owner who has a plan', async () => {
      const { body, headers } = await ask('post', `${deviceId}/webrtc`, owner).expect(200);
      expect(body).toEqual({
        wss_url: `wss://v-1.example/?X-Amz-ChannelARN=aovis-webrtc-${deviceId}&X-Amz-ClientId=${body.client_id}`,
        ice_servers: [
          { urls: ['stun:stun.example:443'] },
          { urls: ['turn:192.0.2.1:443'], username: 'u', credential: 'p' },
        ],
        client_id: expect.stringMatching(/^owner-\d+-\d{13}-3600-[0-9a-f-]{36}$/),
        expires_at: '2026-03-01T08:04:59.000Z',
      });
      expect(headers['cache-control']).toBe('no-store');
    });

    it('take no body: nobody chooses a role or a client id', async () => {
      const answer = await ask('post', `${deviceId}/webrtc`, owner).send({ role: 'MASTER' }).expect(400);
      expect(answer.body.error.code).toBe('invalid_request');
    });
  });

  describe('of summaries', () => {
    const summary = (body: object = {}) => ask('post', `${deviceId}/ai/summary`, owner).send(body);
    const consent = (given: boolean) =>
      insertConsent(database.knex, { userId: owner, kind: 'ai_features', given, now: new Date() });

    it('are switched off where no model is configured', async () => {
      model = undefined;
      app = createApp();
      expect((await summary().expect(503)).body.error.code).toBe('feature_disabled');
    });

    it('are made while the owner agrees to it', async () => {
      const refused = await summary().expect(403);
      expect(refused.body.error).toMatchObject({
        code: 'consent_required',
        details: { consent: 'ai_features' },
      });
      await consent(true);
      expect((await summary({ language: 'de' }).expect(200)).body).toEqual({
        labels: ['dog'],
        summary: 'Ein Hund wartet.',
        language: 'de',
        start: '2026-03-01T07:55:00.000Z',
        end: '2026-03-01T08:00:00.000Z',
        images: 1,
      });
      await consent(false);
      await summary().expect(403);
    });

    it('end with their day’s number', async () => {
      app = createApp({ AOVIS_AI_SUMMARIES_PER_DAY: '1' });
      await consent(true);
      await summary().expect(200);
      const refused = await summary().expect(429);
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    });

    it.each([{ language: 'Klingon' }, { language: 'en', prompt: 'Who is it?' }, { start: 'yesterday' }])(
      'refuse %j',
      async (body) => {
        expect((await summary(body).expect(400)).body.error.code).toBe('invalid_request');
      },
    );
  });
});

function bytesOf(answer: unknown, done: (error: Error | null, body: Buffer) => void): void {
  const pieces: Buffer[] = [];
  (answer as Readable)
    .on('data', (piece: Buffer) => pieces.push(piece))
    .on('end', () => done(null, Buffer.concat(pieces)));
}
