import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Clock } from '../clock.ts';
import { Faults } from '../faults.ts';
import { Pki } from '../pki.ts';
import { AccessKeys } from '../principal.ts';
import type { Environment } from '../service.ts';
import { Store } from '../store.ts';

export const accountKey = {
  accessKeyId: 'AKIATESTACCOUNT00000',
  secretAccessKey: 'secretOfTheTestAccount',
} as const;

/** What a service is given, over a folder of its own; `dispose` closes and removes it. */
export async function createTestEnvironment(): Promise<Environment & { dispose(): void }> {
  const directory = mkdtempSync(join(tmpdir(), 'local-cloud-'));
  const store = new Store(join(directory, 'state.sqlite'));
  const accessKeys = new AccessKeys();
  accessKeys.add({ ...accountKey, principal: { kind: 'account', accessKeyId: accountKey.accessKeyId } });
  return {
    region: 'eu-central-1',
    accountId: '111122223333',
    clock: new Clock(),
    store,
    directory,
    faults: new Faults(),
    accessKeys,
    pki: await Pki.open(join(directory, 'pki')),
    log: pino({ level: 'silent' }),
    dispose: () => {
      store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
