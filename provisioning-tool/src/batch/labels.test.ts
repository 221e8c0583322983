import { randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { activationCodeDigest, generateActivationCode } from '@aovis/contracts/activation-code';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findMode } from '../files/durable-files.ts';
import { LabelFile } from './labels.ts';

describe('labels.csv', () => {
  let directory: string;
  const path = () => join(directory, 'labels.csv');

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aovis-labels-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('keeps what the journal knows; drops torn rows and codes that were never handed over', async () => {
    const known = { serial: 'N4K-000001', model: 'n4k', code: generateActivationCode(randomBytes) };
    const unknown = { serial: 'N4K-000002', model: 'n4k', code: generateActivationCode(randomBytes) };
    const digests = new Map([[known.serial, activationCodeDigest(known.serial, known.code)]]);
    const open = () => LabelFile.open(path(), (serial) => Promise.resolve(digests.get(serial)));

    const first = await open();
    await Promise.all([first.append(known), first.append(unknown)]);
    await first.close();
    await appendFile(path(), 'N4K-000003,n4k,aovis-n4k-000003,ABC');
    expect(await findMode(path())).toBe(0o600);

    const second = await open();
    await second.append({ ...unknown, code: generateActivationCode(randomBytes) });
    await second.close();
    const rows = (await readFile(path(), 'utf8')).trim().split('\n');
    expect(rows).toHaveLength(3);
    expect(rows[0]).toBe('serial,model,device_id,activation_code');
    expect(rows[1]).toMatch(/^N4K-000001,n4k,aovis-n4k-000001,\w{6}-\w{6}-\w{6}$/);
    expect(rows[2]).toMatch(/^N4K-000002,/);
  });
});
