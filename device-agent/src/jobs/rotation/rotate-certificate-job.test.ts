import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issuedCertificateDetails } from '@aovis/contracts/jobs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../testing/until.ts';
import type { FakeExecution } from '../testing/fake-jobs-service.ts';
import { RotationCloud, RotationStand } from './testing/rotation-stand.ts';

const document = { operation: 'rotate-certificate' };
let cloud: RotationCloud;
beforeEach(async () => {
  cloud = await RotationCloud.create();
});

async function begin(): Promise<RotationStand> {
  const board = await RotationStand.start(cloud);
  board.jobs.service.add('job', document);
  return board;
}

/** Lets the board ask again, when it waits for that, until the job has ended. */
async function ended(board: RotationStand): Promise<FakeExecution> {
  const execution = board.jobs.service.find('job');
  const isOver = (): boolean => !['QUEUED', 'IN_PROGRESS'].includes(execution.status);
  while (!isOver()) {
    await until(() => isOver() || board.clock.pending.length > 0);
    await board.clock.advance(board.clock.pending[0] ?? 0);
  }
  return execution;
}
const settled = (board: RotationStand) => until(() => board.store.candidate === undefined);
const identities = () => readdir(join(cloud.bundle, 'identities'));

describe('a rotation', () => {
  it('gives the board another key and certificate, by which it connects and starts again', async () => {
    const board = await begin();
    const before = board.identity.current;
    expect(await ended(board)).toMatchObject({
      status: 'SUCCEEDED',
      statusDetails: { certificate_id: cloud.issuedId },
    });
    await settled(board);
    const after = await board.loaded();
    expect(after.certificateId).toBe(cloud.issuedId);
    expect(after.privateKey).not.toBe(before.privateKey);
    expect(board.connectedBy).toEqual([cloud.factoryId, cloud.issuedId]);
    await board.jobs.stop();
    expect(await identities()).toHaveLength(1);

    cloud.active.delete(cloud.factoryId);
    const next = await RotationStand.start(cloud);
    expect(next.connectedBy).toEqual([cloud.issuedId]);
    next.jobs.service.add('job-2', document);
    await next.clock.advance(5_000);
    await until(() => next.jobs.service.find('job-2').status === 'IN_PROGRESS');
    await next.jobs.stop();
  });

  it('leaves the key on the board', async () => {
    const board = await begin();
    await ended(board);
    await settled(board);
    const { privateKey } = await board.loaded();
    const said = JSON.stringify([board.jobs.connection.published, board.jobs.service.updates]);
    const [, body = ''] = privateKey.split('\n');
    expect(said).not.toContain(body);
    expect(said).not.toContain('PRIVATE');
    await board.jobs.stop();
  });

  it.each([
    ['no certificate', () => ({ step: 'certificate', certificate_0: 'AAAA' }), 'certificate_unusable'],
    ['nothing', () => ({ step: 'certificate' }), 'no_certificate'],
    ['something else', () => ({ step: 'dance' }), 'no_certificate'],
  ])('that is answered with %s leaves the board as it was', async (_, answer, code) => {
    cloud.answer = answer;
    const board = await begin();
    expect(await ended(board)).toMatchObject({ status: 'FAILED', statusDetails: { code } });
    await settled(board);
    expect((await board.loaded()).certificateId).toBe(cloud.factoryId);
    expect(board.connectedBy).toEqual([cloud.factoryId]);
    await board.jobs.stop();
    expect(await identities()).toEqual([]);
  });

  it('that is answered with another key’s certificate leaves the board as it was', async () => {
    const { certificate } = await cloud.ca.issueClient({ commonName: 'another' });
    const der = Buffer.from(certificate.replace(/-----.*-----|\n/g, ''), 'base64');
    cloud.answer = () => ({ ...issuedCertificateDetails(der) });
    const board = await begin();
    expect(await ended(board)).toMatchObject({ statusDetails: { code: 'certificate_unusable' } });
    await settled(board);
    expect((await board.loaded()).certificateId).toBe(cloud.factoryId);
    await board.jobs.stop();
  });

  it('to a certificate that the cloud refuses ends on the old one', async () => {
    const board = await begin();
    board.jobs.service.onUpdated = (execution) =>
      void cloud.issue(execution).then(() => cloud.active.delete(cloud.issuedId ?? ''));
    expect(await ended(board)).toMatchObject({ status: 'FAILED', statusDetails: { code: 'not_verified' } });
    await settled(board);
    expect(board.connectedBy).toEqual([cloud.factoryId, cloud.factoryId]);
    expect((await board.loaded()).certificateId).toBe(cloud.factoryId);
    await board.jobs.stop();
  });

  it('to a certificate that gets no credentials for the video ends on the old one', async () => {
    const board = await begin();
    board.credentials = (certificateId) => certificateId === cloud.factoryId;
    expect(await ended(board)).toMatchObject({ status: 'FAILED', statusDetails: { code: 'not_verified' } });
    await settled(board);
    expect(board.identity.current.certificateId).toBe(cloud.factoryId);
    await board.jobs.stop();
  });

  it('does not mind credentials that could not be had before either', async () => {
    const board = await begin();
    board.credentials = () => false;
    expect(await ended(board)).toMatchObject({ status: 'SUCCEEDED' });
    await board.jobs.stop();
  });

  it('of a bundle that cannot be written is refused before anything is asked', async () => {
    const board = await RotationStand.start(cloud);
    // A file in the place of the directory stands for a file system that is read-only, also to root.
    await writeFile(join(cloud.bundle, 'identities'), '');
    board.jobs.service.add('job', document);
    expect(await ended(board)).toMatchObject({ statusDetails: { code: 'bundle_not_writable' } });
    await board.jobs.stop();
  });

  it.each(['CANCELED', 'TIMED_OUT'] as const)(
    'that is %s while it waits leaves the board as it was',
    async (status) => {
      cloud.answer = ({ statusDetails }) => statusDetails;
      const board = await begin();
      await until(() => board.jobs.service.find('job').statusDetails['csr'] !== undefined);
      board.jobs.service.set('job', { status });
      await board.clock.advance(30_000);
      await board.clock.advance(300_000);
      await settled(board);
      expect((await board.loaded()).certificateId).toBe(cloud.factoryId);
      await board.jobs.stop();
    },
  );
});

describe('when the end of the job reaches the service', () => {
  /** A board that has verified its new certificate, when the service decides otherwise. */
  async function overtaken(status: 'CANCELED' | 'SUCCEEDED'): Promise<RotationStand> {
    const board = await begin();
    board.jobs.service.onUpdate = (execution, request) => {
      if (request.status !== 'SUCCEEDED') return;
      // It takes the update, or another's; the board does not hear of it.
      board.jobs.service.set('job', { status });
      const { active, factoryId, issuedId = '' } = cloud;
      active.delete(status === 'SUCCEEDED' ? factoryId : issuedId);
      void board.jobs.stop();
      throw new Error(`${execution.jobId} is over`);
    };
    await ended(board);
    await board.jobs.stop();
    return board;
  }

  it.each([
    ['SUCCEEDED', 'the new', () => cloud.issuedId],
    ['CANCELED', 'the old', () => cloud.factoryId],
  ] as const)('as %s, and the board dies, it comes back on %s certificate', async (status, _, expected) => {
    await overtaken(status);
    const board = await RotationStand.start(cloud);
    expect(board.connectedBy).toEqual([expected()]);
    await settled(board);
    expect((await board.loaded()).certificateId).toBe(expected());
    await board.jobs.stop();
  });
});
