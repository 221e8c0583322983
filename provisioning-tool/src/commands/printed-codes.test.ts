import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture, serialOf } from '../testing/factory-fixture.ts';

describe('boards that keep the labels of an old system', () => {
  let factory: FactoryFixture;
  let csv: string;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
    await factory.prepare();
    csv = await factory.writeBoards('boards.csv', 2);
    for (const id of ['aovis-n4k-000001', 'aovis-n4k-000002']) factory.backend.importedCodes.add(id);
  });
  afterEach(async () => {
    await factory.stop();
  });
  const labels = () =>
    readFile(join(factory.workspace, 'batches', 'boards', 'labels.csv'), 'utf8').then((text) =>
      text.trim().split('\n'),
    );

  it('get keys and certificates and no codes, and the manifest says so', async () => {
    expect(await factory.runBatch(csv, '--printed-codes')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('the boards keep those that they have'),
    });
    const devices = [...factory.backend.devices.values()];
    expect(devices.map(({ activation_code }) => activation_code)).toEqual(['printed', 'printed']);
    expect(devices.map(({ activation_code_digest }) => activation_code_digest)).toEqual([
      undefined,
      undefined,
    ]);
    expect(await labels()).toEqual(['serial,model,device_id,activation_code']);
    expect([...factory.iot.certificates.values()].map(({ status }) => status)).toEqual(['ACTIVE', 'ACTIVE']);
    expect(await factory.runBatch(csv, '--printed-codes')).toMatchObject({ exitCode: 0 });
    expect(await factory.cli('batch', 'verify', 'boards')).toMatchObject({ exitCode: 0 });
    expect(await factory.cli('batch', 'reconcile', 'boards')).toMatchObject({ exitCode: 0 });
  });

  it('need their codes at the backend, and stay what they began as', async () => {
    factory.backend.importedCodes.delete('aovis-n4k-000002');
    expect(await factory.runBatch(csv, '--printed-codes')).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining(
        'aovis-n4k-000002: the backend has no code of its label; have the codes of the old system imported there (label import), or correct',
      ),
    });
    expect(await factory.runBatch(csv)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('--printed-codes'),
    });
    expect(factory.iot.things.size).toBe(0);
    factory.backend.importedCodes.add('aovis-n4k-000002');
    expect(await factory.cli('batch', 'plan', csv, '--printed-codes')).toMatchObject({ exitCode: 0 });
    expect(await factory.runBatch(csv, '--printed-codes')).toMatchObject({ exitCode: 0 });
    expect(await factory.runBatch(csv)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('go on with --printed-codes'),
    });
  });

  it('have a label to print when their code was issued anew', async () => {
    await factory.runBatch(csv, '--printed-codes');
    const print = ['labels', 'print', 'boards', '--serial', serialOf(1)];
    expect(await factory.cli(...print)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(
        `keeps the label of an old system; for another one give it a new code: aovis-provision device reissue-code`,
      ),
    });
    expect(await factory.cli('labels', 'print', 'boards')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(
        'printed before, here or elsewhere.\nLeft out: 2 boards with the label of',
      ),
    });
    expect((await factory.cli('labels', 'ledger', 'boards')).stdout).toMatch(
      /^Batch boards: 2 boards; 0 labels printed.*\n2 boards with the label of an old system\.$/m,
    );
    expect((await factory.cli('device', 'show', serialOf(1))).stdout).toMatch(
      /^here +activation code +that of an old label$/m,
    );
    const why = ['--reason', 'label torn off'];
    const rotated = ['--passphrase-file', factory.passphraseFile, ...why];
    expect(await factory.cli('device', 'rotate', serialOf(2), ...rotated)).toMatchObject({ exitCode: 0 });
    expect(await factory.cli('device', 'reissue-code', serialOf(1), ...why)).toMatchObject({ exitCode: 0 });
    expect(factory.backend.devices.get('aovis-n4k-000001')).toMatchObject({
      code_epoch: 2,
      activation_code_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await labels()).toHaveLength(2);
    expect(await factory.cli(...print)).toMatchObject({ exitCode: 0 });
    expect(await factory.cliWithInput('ABCDEF012345\n', 'labels', 'check')).toMatchObject({
      stdout: expect.stringContaining('a code of 12 symbols is of an old system'),
    });
    expect(await factory.cli('batch', 'verify', 'boards')).toMatchObject({ exitCode: 0 });
  });
});
