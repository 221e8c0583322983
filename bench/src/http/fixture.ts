import { randomUUID } from 'node:crypto';
import { signatureOf } from '@aovis/backend/features/ingestion/signature';
import { deviceIdOf } from '@aovis/contracts/ids';
import { Client } from 'pg';

export const accessTokenSecret = 'signs-the-access-tokens-of-this-benchmark';
export const iotEventSecret = 'signs-the-messages-of-boards-in-this-benchmark';
export const publicUrl = 'https://api.example.com';

/** Somebody signed in, and the one device she has. */
export interface Customer {
  userId: string;
  sessionId: string;
  deviceId: string;
}

/** Fills an empty, migrated database with customers who each have a session, a board and its trial. */
export async function seedCustomers(databaseUrl: string, count: number): Promise<Customer[]> {
  const customers = Array.from({ length: count }, (_, index) => ({
    userId: randomUUID(),
    sessionId: randomUUID(),
    deviceId: deviceIdOf(`N4K-${String(index + 1).padStart(6, '0')}`),
  }));
  const column = (name: keyof Customer): string[] => customers.map((customer) => customer[name]);
  const [users, sessions, devices] = [column('userId'), column('sessionId'), column('deviceId')];
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('INSERT INTO users (id) SELECT unnest($1::uuid[])', [users]);
    await client.query(
      `INSERT INTO sessions (id, user_id, method, expires_at)
       SELECT s, u, 'email', now() + interval '30 days' FROM unnest($1::uuid[], $2::uuid[]) AS x (s, u)`,
      [sessions, users],
    );
    await client.query(
      `INSERT INTO devices (device_id, serial, model, status, certificate_id, activation_code_hash, ownership_epoch)
       SELECT d, 'N4K-' || right(d, 6), 'n4k', 'provisioned', md5(d) || md5(d), 'none', 1 FROM unnest($1::text[]) d`,
      [devices],
    );
    await client.query(
      `INSERT INTO device_ownerships (device_id, user_id, epoch, started_at)
       SELECT d, u, 1, now() FROM unnest($1::text[], $2::uuid[]) AS x (d, u)`,
      [devices, users],
    );
    await client.query(
      `INSERT INTO entitlements (device_id, user_id, capability, source, starts_at, ends_at)
       SELECT d, u, 'cloud_playback', 'trial', now(), now() + interval '30 days'
       FROM unnest($1::text[], $2::uuid[]) AS x (d, u)`,
      [devices, users],
    );
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
  return customers;
}

/** A batch of three samples, as a board sends it every minute and the IoT rule forwards it. */
export function signedTelemetry(
  deviceId: string,
  now = Date.now(),
): { body: string; headers: Record<string, string> } {
  const sample = (metric: string, value: number, unit: string) => ({ metric, value, unit, at: now });
  const body = JSON.stringify({
    kind: 'telemetry',
    thing: deviceId,
    topic: `aovis/${deviceId}/telemetry`,
    received_at: now,
    payload: {
      event_id: ulid(now),
      samples: [
        sample('rssi', -71, 'dbm'),
        sample('bitrate', 2_000_000, 'bps'),
        sample('rss', 61_000_000, 'bytes'),
      ],
    },
  });
  const timestamp = String(Math.floor(now / 1_000));
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'x-aovis-timestamp': timestamp,
      'x-aovis-signature': signatureOf(timestamp, Buffer.from(body), iotEventSecret),
    },
  };
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

function ulid(now: number): string {
  const time = Array.from({ length: 10 }, (_, i) => crockford[Math.floor(now / 32 ** (9 - i)) % 32]);
  const random = Array.from({ length: 16 }, () => crockford[Math.floor(Math.random() * 32)]);
  return [...time, ...random].join('');
}
