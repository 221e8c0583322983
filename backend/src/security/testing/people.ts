import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { Database } from '../../db/database.ts';
import { seedBoard, seedOwnership } from '../../features/devices/testing/seed.ts';

/** Of the tests' environment (testing/test-environment.ts). */
const secret = 'canary-access-8c1f0e7ab2d9436f5e01c7d2';
const claims = { issuer: 'http://127.0.0.1', audience: 'aovis-app' };

/** Who may stand before a route. */
export const callers = [
  'nobody',
  'stranger',
  'former owner',
  'owner without entitlement',
  'owner',
  'support',
  'admin',
] as const;
/** Who besides may stand before a route of a device. */
export const viewers = [
  'viewer',
  'viewer without entitlement',
  'viewer whose time is over',
  'viewer no longer',
] as const;
export type Caller = (typeof callers)[number] | (typeof viewers)[number];

export interface Person {
  userId: string;
  token: string;
}

/** A device, and everybody who has or had to do with it, or not. */
export interface Cast {
  deviceId: string;
  people: Record<Exclude<Caller, 'nobody'>, Person>;
}

export async function seedCast(db: Database, now: Date): Promise<Cast> {
  const deviceId = await seedBoard(db);
  const person = (role = 'user'): Promise<Person> => seedPerson(db, now, role);
  const owner = await person();
  const former = await person();
  const viewer = await person();
  const people = {
    stranger: await person(),
    viewer,
    'viewer without entitlement': viewer,
    'viewer whose time is over': await person(),
    'viewer no longer': await person(),
    'former owner': former,
    'owner without entitlement': owner,
    owner,
    support: await person('support'),
    admin: await person('admin'),
  };
  const start = new Date(now.getTime() - 86_400_000);
  await seedOwnership(db, { deviceId, userId: former.userId, epoch: 1, startedAt: start, endedAt: now });
  await seedOwnership(db, { deviceId, userId: owner.userId, epoch: 2, startedAt: now });
  await db('devices').where({ device_id: deviceId }).update({ ownership_epoch: 2 });
  const share = { deviceId, start, expiresAt: new Date(now.getTime() + 86_400_000) };
  await seedShare(db, { ...share, slot: 1, viewerId: viewer.userId });
  const [late, past] = [people['viewer whose time is over'], people['viewer no longer']];
  await seedShare(db, { ...share, slot: 2, viewerId: late.userId, expiresAt: now });
  await seedShare(db, { ...share, slot: 3, viewerId: past.userId, endedAt: now });
  return { deviceId, people };
}

/** Of the second ownership; accepted when it was offered. */
async function seedShare(
  db: Database,
  share: { deviceId: string; slot: number; viewerId: string; start: Date; expiresAt: Date; endedAt?: Date },
): Promise<void> {
  await db('device_shares').insert({
    id: randomUUID(),
    device_id: share.deviceId,
    epoch: 2,
    slot: share.slot,
    token_hash: createHash('sha256').update(randomUUID()).digest(),
    created_at: share.start,
    invitation_expires_at: new Date(share.start.getTime() + 1_000),
    viewer_id: share.viewerId,
    accepted_at: share.start,
    expires_at: share.expiresAt,
    ended_at: share.endedAt ?? null,
    end_reason: share.endedAt ? 'revoked' : null,
  });
}

export async function seedPerson(db: Database, now: Date, role: string): Promise<Person> {
  const [user] = await db('users').insert({ role }).returning<{ id: string }[]>('id');
  if (user === undefined) throw new Error('no user was stored');
  const sessionId = randomUUID();
  await db('sessions').insert({
    id: sessionId,
    user_id: user.id,
    method: 'email',
    created_at: now,
    last_used_at: now,
    expires_at: new Date(now.getTime() + 86_400_000),
  });
  return { userId: user.id, token: accessToken({ userId: user.id, sessionId, now }) };
}

interface TokenParts {
  userId: string;
  sessionId: string;
  now: Date;
}

export function accessToken({ userId, sessionId, now }: TokenParts, change: jwt.SignOptions = {}): string {
  const iat = Math.floor(now.getTime() / 1_000);
  const { header, ...options } = change;
  return jwt.sign({ sid: sessionId, jti: randomUUID(), iat, exp: iat + 900 }, secret, {
    ...claims,
    subject: userId,
    algorithm: 'HS256',
    ...options,
    header: { alg: options.algorithm ?? 'HS256', typ: 'at+jwt', ...header },
  });
}

/** Tokens of somebody who is signed in, each wrong in one way. All must be refused alike. */
export async function badTokens(db: Database, now: Date): Promise<Record<string, string>> {
  const { userId, token } = await seedPerson(db, now, 'admin');
  const sessionId = (jwt.decode(token) as { sid: string }).sid;
  const parts = { userId, sessionId, now };
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const unsigned = { alg: 'none', typ: 'at+jwt' };
  const ended = await seedPerson(db, now, 'admin');
  await db('sessions')
    .where({ user_id: ended.userId })
    .update({ revoked_at: now, revoked_reason: 'signed_out' });
  const disabled = await seedPerson(db, now, 'admin');
  await db('users').where({ id: disabled.userId }).update({ status: 'disabled' });
  return {
    'is no token': 'x',
    'has two parts': `${header}.${payload}`,
    'is not signed': `${encode(unsigned)}.${payload}.`,
    'says it needs no signature': `${encode(unsigned)}.${payload}.${signature}`,
    'is signed with another secret': jwt.sign({ sid: sessionId }, 'another-secret-0123456789-0123456789', {
      ...claims,
      subject: userId,
      header: { alg: 'HS256', typ: 'at+jwt' },
      expiresIn: 900,
    }),
    'is signed by another HMAC': accessToken(parts, { algorithm: 'HS512' }),
    'is signed with a key pair of its own': jwt.sign({ sid: sessionId }, rsa.privateKey, {
      ...claims,
      subject: userId,
      algorithm: 'RS256',
      header: { alg: 'RS256', typ: 'at+jwt' },
      expiresIn: 900,
    }),
    'brings its own key along': accessToken(parts, {
      header: { alg: 'HS256', jwk: rsa.publicKey.export({ format: 'jwk' }) } as jwt.JwtHeader,
    }).replace(/[^.]*$/, createHash('sha256').update(publicPem).digest('base64url')),
    'is for another audience': accessToken(parts, { audience: 'aovis-web' }),
    'is of another issuer': accessToken(parts, { issuer: 'https://elsewhere.example' }),
    'is of another type': accessToken(parts, { header: { alg: 'HS256', typ: 'JWT' } }),
    'has expired': accessToken({ ...parts, now: new Date(now.getTime() - 901_000) }),
    'is not valid yet': accessToken(parts, { notBefore: 600 }),
    'names nobody': accessToken({ ...parts, userId: randomUUID() }),
    'names another session': accessToken({ ...parts, sessionId: randomUUID() }),
    'has its payload changed': `${header}.${encode({ sub: randomUUID(), sid: sessionId })}.${signature}`,
    'is of a session that was ended': ended.token,
    'is of an account that was disabled': disabled.token,
  };
}
