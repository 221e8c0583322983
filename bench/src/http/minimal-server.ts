import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import express, { type Request, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import jwt from 'jsonwebtoken';
import { Pool } from 'pg';
import { accessTokenSecret, iotEventSecret, publicUrl } from './fixture.ts';
import { serve } from './serve.ts';

/**
 * The least that could answer the same two requests: Express with helmet, a limiter in memory, HS256 and HMAC checks,
 * and prepared statements of `pg` that read and write the same rows as the backend does. No layers, no schemas, no log.
 */
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const tokenKey = createSecretKey(accessTokenSecret, 'utf8');
const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.use(helmet());
app.use(
  rateLimit({ windowMs: 60_000, limit: 100_000_000, standardHeaders: 'draft-8', legacyHeaders: false }),
);

app.get('/api/devices/:id', async (request, response) => {
  const token = (request.get('authorization') ?? '').slice('Bearer '.length);
  const claims = jwt.verify(token, tokenKey, {
    algorithms: ['HS256'],
    issuer: publicUrl,
    audience: 'aovis-app',
  }) as { sub: string; sid: string };
  const session = await pool.query({
    name: 'session',
    text: `SELECT s.id, s.user_id, s.expires_at, s.revoked_at, u.status, u.role FROM sessions s
           JOIN users u ON u.id = s.user_id WHERE s.id = $1`,
    values: [claims.sid],
  });
  const row = session.rows[0];
  if (row?.user_id !== claims.sub || row.revoked_at !== null || row.expires_at < new Date())
    return refuse(response, 401);
  const device = await pool.query({
    name: 'device',
    text: `SELECT d.device_id, d.serial, d.model, d.iccid, d.shadows_wiped_epoch, o.name, o.user_id AS owner_id,
             o.started_at, o.epoch, s.expires_at AS viewable_until, p.online, d.last_seen_at
           FROM device_ownerships o JOIN devices d ON d.device_id = o.device_id
           LEFT JOIN device_presence p ON p.device_id = o.device_id
           LEFT JOIN device_shares s ON s.device_id = o.device_id AND s.epoch = o.epoch AND s.viewer_id = $1
             AND s.ended_at IS NULL AND s.expires_at > now()
           WHERE o.ended_at IS NULL AND o.device_id = $2 AND (o.user_id = $1 OR s.id IS NOT NULL)`,
    values: [claims.sub, request.params.id],
  });
  if (device.rows[0] === undefined) return refuse(response, 404);
  const entitlements = await pool.query({
    name: 'entitlements',
    text: 'SELECT * FROM entitlements WHERE user_id = $1 AND device_id = $2 ORDER BY starts_at, id',
    values: [claims.sub, request.params.id],
  });
  response.json({ ...device.rows[0], entitlements: entitlements.rows });
});

app.post(
  '/api/internal/aws/iot-event',
  express.raw({ type: 'application/json' }),
  async (request, response) => {
    if (!isSigned(request)) return refuse(response, 401);
    const { thing, kind, received_at, payload } = JSON.parse(request.body.toString());
    const samples = payload.samples as { metric: string; value: number; unit: string; at: number }[];
    const stored = await pool.query({
      name: 'store',
      text: `WITH marked AS (
               INSERT INTO ingested_messages (device_id, event_id, kind, received_at)
               SELECT device_id, $2, 'telemetry', $4 FROM devices WHERE device_id = $1
               ON CONFLICT (device_id, event_id) DO NOTHING RETURNING device_id
             ), samples AS (
               INSERT INTO device_telemetry (device_id, event_id, metric, value, unit, at, received_at)
               SELECT marked.device_id, $3, sample.*, $4
               FROM marked, unnest($6::text[], $7::float8[], $8::text[], $9::timestamptz[]) AS sample
             ), touched AS (
               UPDATE devices SET last_seen_at = $4 FROM marked
               WHERE devices.device_id = marked.device_id AND (last_seen_at IS NULL OR last_seen_at < $5)
             )
             SELECT device_id FROM marked`,
      values: [
        thing,
        `${kind}:${payload.event_id}`,
        payload.event_id,
        new Date(received_at),
        new Date(received_at - 30_000),
        samples.map(({ metric }) => metric),
        samples.map(({ value }) => value),
        samples.map(({ unit }) => unit),
        samples.map(({ at }) => new Date(at)),
      ],
    });
    if (stored.rowCount === 0) return refuse(response, 409);
    response.json({ received: true, duplicate: false });
  },
);

function isSigned(request: Request): boolean {
  const timestamp = request.get('x-aovis-timestamp') ?? '';
  const given = Buffer.from(request.get('x-aovis-signature') ?? '', 'hex');
  const expected = createHmac('sha256', iotEventSecret).update(`${timestamp}.`).update(request.body).digest();
  const isFresh = Math.abs(Date.now() / 1_000 - Number(timestamp)) <= 300;
  return isFresh && given.length === expected.length && timingSafeEqual(given, expected);
}

function refuse(response: Response, status: number): void {
  response.status(status).json({ error: status });
}

await serve(createServer(app));
