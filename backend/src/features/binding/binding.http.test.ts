import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IotEnvelope } from '@aovis/contracts/http/ingestion';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { AppError } from '../../kernel/errors.ts';
import type { OutboxHandlers } from '../../outbox/outbox.ts';
import { createDeviceApp, type DeviceApp, iotEventSecret } from '../../testing/device-app.ts';
import { verifyAuditLog } from '../audit/audit-verification.ts';
import { FakeBoard } from '../commands/testing/fake-board.ts';
import { labelCode, otherCode, seedBoard, seedOwnership, seedUser } from '../devices/testing/seed.ts';
import { signatureOf } from '../ingestion/signature.ts';
import { expireClaimsJob } from './claim-expiry.ts';
import { claimOutboxHandlers } from './claim-outbox.ts';
import {
  boardIdentity,
  certificateIdOf,
  FakeCertificates,
  otherIdentity,
  proofEnvelope,
  rsaIdentity,
  signChallenge,
} from './testing/signing-board.ts';

describe('a board that has to confirm its activation', () => {
  let database: TestDatabase;
  let app: DeviceApp;
  let handlers: OutboxHandlers;
  let anna: string;
  let ben: string;
  let thing: string;
  const board = new FakeBoard();
  const certificates = new FakeCertificates([boardIdentity, otherIdentity, rsaIdentity]);

  beforeAll(async () => {
    database = await createTestDatabase();
    app = createDeviceApp(database.knex, database.url, {}, { boardPublisher: board, certificates });
    const { clock, shadows } = app;
    handlers = claimOutboxHandlers({ db: database.knex, clock, shadows, publisher: board });
    app.server.listen(0, '127.0.0.1');
    await once(app.server, 'listening');
  });
  afterAll(async () => {
    app.server.close();
    await database.drop();
  });
  beforeEach(async () => {
    const db = database.knex;
    board.received.length = 0;
    // All requests of these tests come from one address.
    await db('rate_limits').delete();
    certificates.away = undefined;
    certificates.revoked.clear();
    [anna, ben] = [await seedUser(db), await seedUser(db)];
    thing = await seedBoard(db, { activationPolicy: 'label+device' });
    await carry(boardIdentity);
    await report({ claimable: true, epoch: 0 });
    await setOnline(true);
  });

  /** Puts the identity into the board; the one of the test before gets one of its own. */
  async function carry(identity: typeof boardIdentity): Promise<void> {
    const devices = () => database.knex('devices');
    const id = certificateIdOf(identity);
    await devices()
      .where({ certificate_id: id })
      .update({ certificate_id: randomBytes(32).toString('hex') });
    await devices().where({ device_id: thing }).update({ certificate_id: id });
  }
  async function report(binding: object): Promise<void> {
    app.shadows.put(thing, undefined, { reported: { binding } as never });
  }
  async function setOnline(online: boolean): Promise<void> {
    await database
      .knex('device_presence')
      .insert({ device_id: thing, online, version: 1, session_id: 's', changed_at: new Date() })
      .onConflict('device_id')
      .merge();
  }
  const activate = (user: string, code = labelCode) =>
    request(app.server)
      .post('/api/devices/activate')
      .set('Authorization', `Bearer ${user}`)
      .send({ aovis_device_id: thing, activation_code: code });
  const look = (user: string, claimId: string) =>
    request(app.server).get(`/api/devices/claims/${claimId}`).set('Authorization', `Bearer ${user}`);
  /** Carries out what the outbox holds for this board; answers the last challenge. */
  async function ask(): Promise<unknown> {
    const rows = await database
      .knex('outbox')
      .where({ key: `binding ${thing}` })
      .orderBy('id');
    const context = { attempt: 1, signal: new AbortController().signal };
    for (const { topic, payload } of rows) await handlers[topic]?.(payload, context);
    await database
      .knex('outbox')
      .where({ key: `binding ${thing}` })
      .delete();
    return board.received.at(-1)?.payload;
  }
  async function forward(envelope: IotEnvelope): Promise<request.Response> {
    const body = JSON.stringify(envelope);
    const timestamp = String(app.clock.now().getTime() / 1_000);
    const signature = signatureOf(timestamp, Buffer.from(body), iotEventSecret);
    return request(app.server)
      .post('/api/internal/aws/iot-event')
      .set({ 'X-Aovis-Timestamp': timestamp, 'X-Aovis-Signature': signature })
      .type('json')
      .send(body);
  }
  const answer = (challenge: unknown, identity = boardIdentity, from = thing) =>
    forward(proofEnvelope(from, signChallenge(identity, { thing: from, challenge }), app.clock.now()));
  const auditOf = (action: string) =>
    database.knex('audit_log').where({ subject_id: thing, action }).orderBy('seq');
  const ownersOf = () => database.knex('device_ownerships').where({ device_id: thing }).pluck('user_id');
  async function begin(user = anna): Promise<{ claimId: string; challenge: unknown }> {
    const { body } = await activate(user).expect(202);
    return { claimId: body.claim_id as string, challenge: await ask() };
  }

  it('is its claimant’s when it has signed, with all that an activation brings', async () => {
    const { body } = await activate(anna).expect(202);
    expect(body).toEqual({
      claim_id: expect.stringMatching(/^[0-9A-Z]{26}$/),
      device_id: thing,
      status: 'pending',
      created_at: app.clock.now().toISOString(),
      expires_at: new Date(app.clock.now().getTime() + 120_000).toISOString(),
      failure: null,
      activation: null,
    });
    expect(await ownersOf()).toEqual([]);
    const challenge = await ask();
    expect(board.received).toEqual([
      { topic: `aovis/${thing}/binding/challenge`, payload: expect.objectContaining({ epoch: 0 }) },
    ]);
    expect(JSON.stringify(challenge)).not.toContain(anna);
    expect((await answer(challenge)).body).toEqual({ received: true, duplicate: false });
    const done = (await look(anna, body.claim_id).expect(200)).body;
    expect(done).toMatchObject({
      status: 'activated',
      failure: null,
      activation: {
        device: { device_id: thing, role: 'owner' },
        ownership: { epoch: 1 },
        entitlement: { source: 'trial', active: true },
        already_owned: false,
      },
    });
    expect(await auditOf('device.activate')).toMatchObject([
      { outcome: 'ok', actor_id: anna, details: { epoch: 1, trial: true, claim_id: body.claim_id } },
    ]);
    expect(await auditOf('device.prove')).toMatchObject([{ outcome: 'ok', actor_kind: 'device' }]);
    expect(await database.knex('outbox').where({ key: thing })).toMatchObject([
      { topic: 'device.activated' },
    ]);
    expect((await activate(anna).expect(200)).body).toMatchObject({ already_owned: true });
    expect(await verifyAuditLog(database.knex)).toMatchObject({ ok: true });
  });

  it('may have an RSA key', async () => {
    await carry(rsaIdentity);
    const { claimId, challenge } = await begin();
    await answer(challenge, rsaIdentity);
    expect((await look(anna, claimId)).body).toMatchObject({ status: 'activated' });
  });

  it('is told of its epoch before it is asked', async () => {
    await begin();
    expect(await app.shadows.find(thing, 'ownership')).toMatchObject({ desired: { epoch: 0, owned: false } });
  });

  describe('is not asked', () => {
    it.each([
      ['without the code', 403, 'invalid_activation_code', async () => {}, otherCode],
      ['while it is away', 409, 'device_offline', () => setOnline(false), labelCode],
      [
        'outside its window',
        409,
        'device_proof_required',
        () => report({ claimable: false, epoch: 0 }),
        labelCode,
      ],
      [
        'while it reports an older epoch',
        409,
        'device_proof_required',
        () => report({ claimable: true, epoch: 7 }),
        labelCode,
      ],
      [
        'by what it says in another form',
        409,
        'device_proof_required',
        () => report({ claimable: 'yes' }),
        labelCode,
      ],
    ] as const)('%s', async (_, status, code, prepare, typed) => {
      await prepare();
      expect((await activate(anna, typed).expect(status)).body.error.code).toBe(code);
      expect(await database.knex('device_claims').where({ device_id: thing })).toEqual([]);
      expect(await ask()).toBeUndefined();
      const refusals = await database.knex('audit_log').where({ subject_id: thing, outcome: 'refused' });
      expect(refusals).toMatchObject([{ actor_id: anna, details: { code } }]);
    });

    it('when somebody owns it', async () => {
      await seedOwnership(database.knex, { userId: ben, deviceId: thing });
      expect((await activate(anna).expect(403)).body.error.code).toBe('device_owned_by_another_user');
    });

    it('for a second person while a first one waits; the first may repeat the request', async () => {
      const first = (await activate(anna).expect(202)).body;
      expect((await activate(ben).expect(409)).body.error.code).toBe('claim_pending');
      expect((await activate(anna).expect(202)).body).toEqual(first);
      expect(await database.knex('device_claims').where({ device_id: thing })).toHaveLength(1);
      expect(await auditOf('device.claim')).toMatchObject([
        { outcome: 'ok', actor_id: anna },
        { outcome: 'refused', actor_id: ben, details: { code: 'claim_pending' } },
      ]);
    });

    it('twice when 20 people want it at once', async () => {
      const people = await Promise.all(Array.from({ length: 20 }, () => seedUser(database.knex)));
      const statuses = await Promise.all(people.map(async (user) => (await activate(user)).status));
      expect(statuses.filter((status) => status === 202)).toHaveLength(1);
      expect(statuses.filter((status) => status === 409)).toHaveLength(19);
    });

    it('later than its time: the outbox drops what has run out', async () => {
      await activate(anna).expect(202);
      app.clock.advance(120_000);
      expect(await ask()).toBeUndefined();
    });
  });

  it('shows a claim to nobody but who began it', async () => {
    const { claimId } = await begin();
    expect((await look(ben, claimId).expect(404)).body.error.code).toBe('claim_not_found');
    expect((await look(anna, '01KAGX2Q0R8M3T5V7W9X1Y2Z3D').expect(404)).body.error.code).toBe(
      'claim_not_found',
    );
    expect((await look(anna, 'x\0').expect(404)).body.error.code).toBe('claim_not_found');
  });

  describe('is nobody’s', () => {
    async function expectRefused(claimId: string, failure: string, reason: string): Promise<void> {
      const { body } = await look(anna, claimId).expect(200);
      expect(body).toMatchObject({
        failure: { code: failure, message: expect.any(String) },
        activation: null,
      });
      expect(await ownersOf()).not.toContain(anna);
      expect((await auditOf('device.prove')).at(-1)).toMatchObject({ details: { code: failure, reason } });
    }

    it('when another key signed', async () => {
      const { claimId, challenge } = await begin();
      const forged = {
        ...signChallenge(otherIdentity, { thing, challenge }),
        certificate_id: certificateIdOf(boardIdentity),
      };
      await forward(proofEnvelope(thing, forged, app.clock.now()));
      await expectRefused(claimId, 'invalid_proof', 'wrong_signature');
      // The right answer comes too late for this claim.
      expect((await answer(challenge)).body).toMatchObject({ duplicate: true });
      await expectRefused(claimId, 'invalid_proof', 'wrong_signature');
    });

    it('when a certificate signed that is not the device’s', async () => {
      const { claimId, challenge } = await begin();
      await answer(challenge, otherIdentity);
      await expectRefused(claimId, 'invalid_proof', 'another_certificate');
    });

    it.each([
      ['user', { user_ref: 'u_somebody_else_00000' }],
      ['epoch', { epoch: 1 }],
      ['end', { expires_at: 4_000_000_000_000 }],
      ['nonce', { nonce: Buffer.alloc(32).toString('base64url') }],
    ])('when the board signed for another %s', async (_, change) => {
      const { claimId, challenge } = await begin();
      await answer({ ...(challenge as object), ...change });
      await expectRefused(claimId, 'invalid_proof', 'wrong_signature');
    });

    it('by the signature of an earlier claim', async () => {
      const first = await begin();
      const old = signChallenge(boardIdentity, { thing, challenge: first.challenge });
      app.clock.advance(121_000);
      const second = await begin();
      await forward(proofEnvelope(thing, { ...old, claim_id: second.claimId }, app.clock.now()));
      await expectRefused(second.claimId, 'invalid_proof', 'wrong_signature');
      expect((await look(anna, first.claimId)).body).toMatchObject({ status: 'expired' });
    });

    it('when the certificate was revoked', async () => {
      const { claimId, challenge } = await begin();
      certificates.revoked.add(certificateIdOf(boardIdentity));
      await answer(challenge);
      await expectRefused(claimId, 'certificate_not_active', 'certificate_revoked');
    });

    it('when the device was withdrawn', async () => {
      const { claimId, challenge } = await begin();
      await database.knex('devices').where({ device_id: thing }).update({ status: 'revoked' });
      await answer(challenge);
      await expectRefused(claimId, 'certificate_not_active', 'device_revoked');
    });

    it('when it signed too late', async () => {
      const { claimId, challenge } = await begin();
      app.clock.advance(120_000);
      expect((await look(anna, claimId)).body).toMatchObject({ status: 'expired' });
      await answer(challenge);
      await expectRefused(claimId, 'device_proof_timeout', 'expired');
    });

    it('when it changed hands meanwhile', async () => {
      const { claimId, challenge } = await begin();
      await database.knex('devices').where({ device_id: thing }).update({ ownership_epoch: 2 });
      await answer(challenge);
      await expectRefused(claimId, 'ownership_changed', 'wrong_epoch');
    });

    it('by the word of another board', async () => {
      const { claimId, challenge } = await begin();
      const another = await seedBoard(database.knex);
      const answered = await answer(challenge, boardIdentity, another);
      expect([answered.status, answered.body.error.code]).toEqual([404, 'claim_not_found']);
      expect((await look(anna, claimId)).body).toMatchObject({ status: 'pending' });
    });
  });

  it('counts an answer once, however often it comes', async () => {
    const { challenge } = await begin();
    const proof = signChallenge(boardIdentity, { thing, challenge });
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => forward(proofEnvelope(thing, proof, app.clock.now()))),
    );
    expect(answers.filter(({ body }) => body.duplicate === false)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.duplicate === true)).toHaveLength(4);
    expect(await ownersOf()).toEqual([anna]);
    expect(await database.knex('entitlements').where({ device_id: thing })).toHaveLength(1);
  });

  it('takes an answer later when the register of certificates is away', async () => {
    const { claimId, challenge } = await begin();
    certificates.away = new AppError('service_unavailable', { retryAfterMs: 2_000 });
    expect((await answer(challenge)).status).toBe(503);
    expect((await look(anna, claimId)).body).toMatchObject({ status: 'pending' });
    certificates.away = undefined;
    expect((await answer(challenge)).body).toEqual({ received: true, duplicate: false });
    expect((await look(anna, claimId)).body).toMatchObject({ status: 'activated' });
  });

  it('ends claims that nobody answered, once', async () => {
    const { claimId } = await begin();
    const job = expireClaimsJob({ db: database.knex, clock: app.clock });
    const signal = new AbortController().signal;
    await job.run(signal);
    expect(await database.knex('device_claims').where({ id: claimId }).first()).toMatchObject({
      status: 'pending',
    });
    app.clock.advance(120_000);
    await job.run(signal);
    expect(await job.run(signal)).toEqual({ expired: 0 });
    expect(await auditOf('device.prove')).toMatchObject([
      { outcome: 'failed', actor_kind: 'system', details: { code: 'device_proof_timeout' } },
    ]);
    await expect(
      database.knex('device_claims').where({ id: claimId }).update({ status: 'activated', failure: null }),
    ).rejects.toMatchObject({ constraint: 'device_claims_end_once' });
  });
});
