import { randomUUID } from 'node:crypto';
import { deviceIdOf } from '@aovis/contracts/ids';
import { describe } from '@jest/globals';
import { FakeDeviceRepository } from './fake-device-repository.ts';
import { deviceRepositoryContract } from './testing/device-repository-contract.ts';

describe('the fake device repository', () => {
  deviceRepositoryContract(async () => {
    const repository = new FakeDeviceRepository();
    return {
      repository,
      newUser: async () => randomUUID(),
      own: async (userId, serial) => {
        const device = {
          deviceId: deviceIdOf(serial),
          serial,
          model: 'n4k',
          iccid: undefined,
          name: undefined,
          ownedSince: new Date('2026-03-01T00:00:00Z'),
          epoch: 1,
          online: false,
          lastSeenAt: undefined,
        };
        return repository.add(userId, device);
      },
      share: async (share) => repository.share(share),
    };
  });
});
