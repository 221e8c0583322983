import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from './testing/factory-fixture.ts';
import { StationSecrets, secretHomes } from './testing/station-secrets.ts';

/** A private key or a code never appears outside its bundle and its label. */
describe('the secrets of a station', () => {
  let factory: FactoryFixture;
  let secrets: StationSecrets;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    factory.env['AOVIS_ACTIVATION_URL'] = 'https://app.example.com';
    await factory.prepare();
    secrets = new StationSecrets(factory);
  });

  afterEach(async () => {
    await factory.stop();
  });

  it('are in no journal, log, output or request of batch, labels, changes and transport', async () => {
    const signing = ['--passphrase-file', factory.passphraseFile];
    const reason = ['--reason', 'the label was photographed'];
    await factory.runBatch(await factory.writeBoards('boards.csv', 3), '--json');
    await secrets.collect();
    const [, codeRow = ''] =
      (await factory.files()).get('batches/boards/labels.csv')?.trim().split('\n') ?? [];
    const code = codeRow.split(',')[3] ?? '';
    await factory.succeed('labels', 'print', 'boards');
    // A scan goes in, and what was typed into the wrong place.
    await factory.cliWithInput(`${code}\nhttps://app.example.com/a#${code}\n`, 'labels', 'check');
    await factory.cli('device', 'show', code);
    await factory.cli('device', 'revoke', code, ...reason);
    expect(
      await factory.cli('device', 'reissue-code', 'N4K-000001', '--reason', `instead of ${code}`),
    ).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('holds an activation code') });
    await factory.succeed('device', 'reissue-code', 'N4K-000001', ...reason);
    await secrets.collect();
    await factory.succeed('device', 'rotate', 'N4K-000002', ...reason, ...signing);
    await factory.succeed('labels', 'print', 'boards', '--reason', 'a new code');
    const keygen = await factory.succeed('bundle', 'keygen', '--json');
    const { transport_key } = JSON.parse(keygen.stdout) as { transport_key: string };
    const sealed = join(factory.workspace, 'boards.tar.age');
    await factory.succeed('bundle', 'seal', 'boards', '--recipient', transport_key, '--to', sealed);
    await secrets.collect();
    await factory.succeed('batch', 'verify', 'boards');
    await factory.succeed('batch', 'reconcile', 'boards', '--apply');
    await factory.succeed('batch', 'export', 'boards', '--to', join(factory.workspace, 'export'));
    await factory.succeed('audit', 'show', '--json');
    await factory.succeed('device', 'show', 'N4K-000001', '--json');

    expect(secrets.size).toBeGreaterThan(30);
    const files = [...(await factory.files())];
    // They are found where they are.
    expect(secrets.foundIn(files.filter(([path]) => secretHomes.test(path))).length).toBeGreaterThan(15);
    expect(files.map(([path]) => path)).toEqual(
      expect.arrayContaining(['journal.jsonl', 'audit.jsonl', 'boards.tar.age']),
    );
    expect(secrets.foundIn(files.filter(([path]) => !secretHomes.test(path)))).toEqual([]);
    expect(secrets.foundIn(factory.said.map((text, i) => [`output ${i}`, text] as const))).toEqual([]);
    expect(factory.backend.received.length).toBeGreaterThan(3);
    expect(
      secrets.foundIn(factory.backend.received.map((text) => ['a request to the backend', text] as const)),
    ).toEqual([]);
    expect(factory.iot.received.length).toBeGreaterThan(10);
    expect(secrets.foundIn(factory.iot.received.map((text) => ['a request to AWS', text] as const))).toEqual(
      [],
    );
  }, 60_000);
});
