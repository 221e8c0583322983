import { randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { activationCodeDigest, generateActivationCode } from '@aovis/contracts/activation-code';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findMode } from '../files/durable-files.ts';
import { arrangeLabels, LabelFile } from './labels.ts';

const noCodes = { current: new Map<string, string>(), pending: new Set<string>() };

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
    const open = () => LabelFile.open(path(), { current: digests, pending: new Set() });

    const first = await LabelFile.open(path(), noCodes);
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

  it('refuses to go on without the codes of issued boards, and leaves the file alone', async () => {
    const label = { serial: 'N4K-000001', model: 'n4k', code: generateActivationCode(randomBytes) };
    const first = await LabelFile.open(path(), noCodes);
    await first.append(label);
    await first.close();
    const before = await readFile(path(), 'utf8');
    const digests = new Map([
      [label.serial, activationCodeDigest(label.serial, label.code)],
      ['N4K-000002', 'e'.repeat(64)],
    ]);
    await expect(LabelFile.open(path(), { current: digests, pending: new Set() })).rejects.toMatchObject({
      kind: 'journal',
      message: expect.stringContaining(
        'lacks the activation codes of 1 issued board (the first is N4K-000002)',
      ),
    });
    expect(await readFile(path(), 'utf8')).toBe(before);
  });

  it('are put into the order of the list, unless somebody changed the file', async () => {
    const header = 'serial,model,device_id,activation_code';
    const write = (...rows: string[]) => writeFile(path(), [header, ...rows, ''].join('\n'), { mode: 0o600 });
    const serials = ['N4K-000003', 'N4K-000001', 'N4K-000002'];
    await write('N4K-000001,a', 'N4K-000003,c');
    await arrangeLabels(path(), serials);
    expect(await readFile(path(), 'utf8')).toBe(`${header}\nN4K-000003,c\nN4K-000001,a\n`);
    for (const foreign of ['N4K-000001;a', 'N4K-000009,x', 'N4K-000003,d']) {
      await write('N4K-000001,a', 'N4K-000003,c', foreign);
      await arrangeLabels(path(), serials);
      expect((await readFile(path(), 'utf8')).split('\n')).toContain(foreign);
    }
    await rm(path());
    await arrangeLabels(path(), serials);
    expect(await findMode(path())).toBeUndefined();
  });
});
