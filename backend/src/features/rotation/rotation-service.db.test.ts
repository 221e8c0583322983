import { randomBytes } from 'node:crypto';
import { issuedCertificateDetails, rotationRequestDetails } from '@aovis/contracts/jobs';
import { createTestDatabase, type TestDatabase } from '@aovis/dev-database/testing/test-database';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { seedBoard } from '../devices/testing/seed.ts';
import type { BoardCertificates, BoardJob, BoardJobs } from './rotation-ports.ts';
import { RotationService } from './rotation-service.ts';

/** Certificate ids, other ones in each test: the database takes none twice. */
let old: string;
let fresh: string;
let foreign: string;

const newId = (): string => randomBytes(32).toString('hex');

/** AWS IoT for one board, which does at each look of the operator what `board` lists. */
class Cloud implements BoardJobs, BoardCertificates {
  readonly created: object[] = [];
  readonly attached = new Set([old]);
  readonly active = new Set([old]);
  readonly retired: string[] = [];
  job: BoardJob | undefined;
  /** What the board does until the operator looks the next time. */
  board: ((job: BoardJob) => Partial<BoardJob>)[] = [];
  /** Somebody else changes the details first. */
  overtaken = false;

  async create({ document }: { document: object }): Promise<void> {
    if (this.job !== undefined) return;
    this.created.push(document);
    this.job = { status: 'QUEUED', details: {}, version: 1 };
  }

  async find(): Promise<BoardJob | undefined> {
    const { job } = this;
    const step = job && this.board.shift();
    if (job !== undefined && step !== undefined)
      this.job = { ...job, ...step(job), version: job.version + 1 };
    return this.job;
  }

  async setDetails(
    _deviceId: string,
    _jobId: string,
    { details, expectedVersion }: Parameters<BoardJobs['setDetails']>[2],
  ): Promise<boolean> {
    if (this.overtaken || this.job?.version !== expectedVersion) return false;
    this.job = { ...this.job, details, version: expectedVersion + 1 };
    return true;
  }

  async of(): Promise<string[]> {
    return [...this.attached];
  }

  async issue(): ReturnType<BoardCertificates['issue']> {
    this.attached.add(fresh);
    this.active.add(fresh);
    return { certificateId: fresh, der: Buffer.from('certificate') };
  }

  async isActive(certificateId: string): Promise<boolean> {
    return this.active.has(certificateId);
  }

  async retire(_deviceId: string, certificateId: string): Promise<void> {
    this.active.delete(certificateId);
    this.attached.delete(certificateId);
    this.retired.push(certificateId);
  }
}

const begins = () => ({ status: 'IN_PROGRESS' });
const asks = (certificateId: string) => () => ({
  status: 'IN_PROGRESS',
  details: rotationRequestDetails({ csrDer: Buffer.from('request'), certificateId }),
});
const ends =
  (status: string, details: Partial<Record<'certificate_id' | 'code' | 'boot_id', string>>) => () => ({
    status,
    details,
  });

describe('a rotation, from the operator’s side', () => {
  let database: TestDatabase;
  let cloud: Cloud;
  let deviceId: string;
  let said: string[];

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    [old, fresh, foreign] = [newId(), newId(), newId()];
    cloud = new Cloud();
    said = [];
    deviceId = await seedBoard(database.knex);
    await database.knex('devices').where({ device_id: deviceId }).update({ certificate_id: old });
  });

  const service = (wait: () => Promise<void> = async () => {}): RotationService =>
    new RotationService({
      db: database.knex,
      clock: new FakeClock(),
      jobs: cloud,
      certificates: cloud,
      say: (line) => said.push(line),
      wait,
    });
  const onRecord = async (): Promise<unknown> =>
    (await database.knex('devices').where({ device_id: deviceId }).first('certificate_id'))?.certificate_id;
  const handedOver = async (): Promise<unknown> =>
    (await database.knex('devices').where({ device_id: deviceId }).first('handed_over_certificate_id'))
      ?.handed_over_certificate_id;
  const audited = () =>
    database.knex('audit_log').where({ subject_id: deviceId, action: 'device.rotate_certificate' });

  it('gives the board what it asks for, and leaves it one certificate', async () => {
    cloud.board = [begins, asks(old), ends('SUCCEEDED', { certificate_id: fresh })];
    await service().rotate(deviceId, 'job');
    expect(cloud.created).toEqual([{ operation: 'rotate-certificate' }]);
    expect([[...cloud.attached], cloud.retired, await onRecord()]).toEqual([[fresh], [old], fresh]);
    expect(await audited()).toHaveLength(1);
    expect(said.join('\n')).toContain('--job job');
    // Whoever made the board knows it by the old one.
    expect(await handedOver()).toBe(old);
    // The same again, after an interruption say, changes nothing more.
    await service().rotate(deviceId, 'job');
    expect([cloud.retired, await audited()]).toEqual([[old], [expect.anything()]]);
  });

  it.each(['FAILED', 'CANCELED', 'TIMED_OUT'])(
    'that ends %s leaves the board its old one',
    async (status) => {
      cloud.board = [asks(old), ends(status, { code: 'not_verified' })];
      expect(await service().rotate(deviceId, 'job')).toMatchObject({ status });
      expect([[...cloud.attached], cloud.retired, await onRecord()]).toEqual([[old], [fresh], old]);
      expect(await audited()).toEqual([]);
    },
  );

  it.each([
    ['another board’s', () => ({ certificate_id: foreign })],
    ['none', () => ({})],
  ])('puts nothing out of use when the board says it has %s', async (_, details) => {
    cloud.active.add(foreign);
    cloud.board = [asks(old), ends('SUCCEEDED', details())];
    await expect(service().rotate(deviceId, 'job')).rejects.toThrow('Nothing was put out of use');
    expect([cloud.retired, await onRecord()]).toEqual([[], old]);
  });

  it('issues nothing for who asks by a certificate that is not the board’s', async () => {
    cloud.board = [asks(foreign)];
    await expect(service().rotate(deviceId, 'job')).rejects.toThrow('not attached');
    expect([...cloud.attached]).toEqual([old]);
  });

  it('that another operator answered first ends as that one wants', async () => {
    cloud.overtaken = true;
    cloud.attached.add(foreign);
    cloud.active.add(foreign);
    cloud.board = [
      asks(old),
      () => ({ details: issuedCertificateDetails(Buffer.from('other')) }),
      ends('SUCCEEDED', { certificate_id: foreign }),
    ];
    await service().rotate(deviceId, 'job');
    expect([[...cloud.attached], await onRecord()]).toEqual([[foreign], foreign]);
  });

  it('goes on where it was interrupted', async () => {
    cloud.board = [asks(old)];
    const interrupted = new Error('interrupted');
    await expect(service(() => Promise.reject(interrupted)).rotate(deviceId, 'job')).rejects.toBe(
      interrupted,
    );
    cloud.board = [ends('SUCCEEDED', { certificate_id: fresh })];
    await service().rotate(deviceId, 'job');
    expect([cloud.created.length, [...cloud.attached]]).toEqual([1, [fresh]]);
  });

  it.each([
    [{ operation: 'dance' }, 'none of'],
    [{ operation: 'rotate-certificate' }, 'board rotate-certificate'],
    [{ operation: 'upload-logs', url: 'ftp://x' }, 'does not fit'],
    [null, 'none of'],
  ])('other jobs: %j is refused before a board sees it', async (document, sentence) => {
    await expect(service().run(deviceId, document, 'job')).rejects.toThrow(sentence);
    expect(cloud.created).toEqual([]);
  });

  it('other jobs are watched to their end', async () => {
    cloud.board = [begins, ends('SUCCEEDED', { boot_id: '2' })];
    expect(await service().run(deviceId, { operation: 'reboot' }, 'job')).toMatchObject({
      status: 'SUCCEEDED',
    });
    await expect(service().run('aovis-n4k-999999', { operation: 'reboot' }, 'job')).rejects.toThrow(
      'on record',
    );
  });
});
