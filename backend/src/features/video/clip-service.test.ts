import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '../../kernel/errors.ts';
import { FakeClock } from '../../kernel/fake-clock.ts';
import { DeviceAccess } from '../devices/device-access.ts';
import { FakeDeviceRepository } from '../devices/fake-device-repository.ts';
import type { ClipSize } from './clip-rules.ts';
import { ClipService } from './clip-service.ts';

const deviceId = 'aovis-n4k-000001';
const stream = `aovis-stream-${deviceId}`;
const ownedSince = new Date('2026-03-01T00:00:00Z');
const minute = { start: new Date('2026-03-01T10:00:00.250Z'), end: new Date('2026-03-01T10:01:00Z') };
const { signal } = new AbortController();

describe('a clip', () => {
  let asked: unknown[][];
  let size: ClipSize;
  let entitled: boolean;
  let service: ClipService;
  beforeEach(() => {
    asked = [];
    size = { fragments: 30, bytes: 15_000_000 };
    entitled = true;
    const clock = new FakeClock('2026-03-02T00:00:00Z');
    const devices = new FakeDeviceRepository();
    const device = { deviceId, serial: 'N4K-000001', model: 'n4k', ownedSince, epoch: 1, online: true };
    devices.add('owner', { ...device, iccid: undefined, name: undefined, lastSeenAt: undefined });
    const clips = {
      measure: async (...request: unknown[]) => {
        asked.push(['measure', ...request]);
        return size;
      },
      open: async (...request: unknown[]) => {
        asked.push(['open', ...request]);
        return Readable.from([Buffer.from('mp4')]);
      },
    };
    const access = new DeviceAccess({
      devices,
      entitlements: { allowance: async () => (entitled ? { until: undefined } : undefined) },
      clock,
    });
    service = new ClipService({ access, clips, clock });
  });

  it('is a file with a name of its own', async () => {
    const { fileName, video } = await service.open('owner', deviceId, minute, signal);
    expect(fileName).toBe('aovis-n4k-000001_2026-03-01T10-00-00Z.mp4');
    expect((await video.toArray()).join('')).toBe('mp4');
    expect(asked).toEqual([
      ['measure', stream, minute, { fragments: 200, bytes: 100_000_000 }],
      ['open', stream, minute, signal],
    ]);
  });

  it('begins no earlier than the ownership', async () => {
    const before = new Date('2026-02-28T23:59:00Z');
    await service.open('owner', deviceId, { start: before, end: minute.end }, signal);
    expect(asked[1]).toEqual(['open', stream, { start: ownedSince, end: minute.end }, signal]);
    await expect(
      service.open('owner', deviceId, { start: before, end: ownedSince }, signal),
    ).rejects.toMatchObject({ code: 'stream_not_available' });
  });

  it('is never less than was asked for', async () => {
    size = { fragments: 200, bytes: 100_000_000 };
    await service.open('owner', deviceId, minute, signal);
    asked = [];
    for (const [given, problem] of [
      [{ fragments: 201, bytes: 1 }, /200 fragments/],
      [{ fragments: 1, bytes: 100_000_001 }, /100 MB/],
    ] as const) {
      size = given;
      await expect(service.open('owner', deviceId, minute, signal)).rejects.toMatchObject({
        code: 'invalid_range',
        details: { problem: expect.stringMatching(problem) },
      });
    }
    expect(asked.map(([what]) => what)).toEqual(['measure', 'measure']);
  });

  it('of nothing is none', async () => {
    size = { fragments: 0, bytes: 0 };
    await expect(service.open('owner', deviceId, minute, signal)).rejects.toMatchObject({
      code: 'stream_not_available',
    });
  });

  it('asks who it is before it looks at the range, and at the range before it asks the service', async () => {
    const inverted = { start: minute.end, end: minute.start };
    await expect(service.open('stranger', deviceId, inverted, signal)).rejects.toMatchObject({
      code: 'device_not_found',
    });
    await expect(service.open('owner', deviceId, inverted, signal)).rejects.toEqual(
      new AppError('invalid_range', { details: { problem: 'end must be after start' } }),
    );
    entitled = false;
    await expect(service.open('owner', deviceId, inverted, signal)).rejects.toMatchObject({
      code: 'entitlement_required',
      details: { capability: 'cloud_playback' },
    });
    expect(asked).toEqual([]);
  });
});
