import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from '../testing/factory-fixture.ts';

describe('batch run, interrupted', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
  });

  afterEach(async () => {
    await factory.stop();
  });

  it('stops when the credentials are refused, and goes on with good ones', async () => {
    let refusing = true;
    factory.iot.options.fault = (operation) =>
      refusing && operation === 'AttachPolicy'
        ? { kind: 'refuse', status: 403, code: 'AccessDeniedException' }
        : undefined;
    const csv = await factory.writeBoards('boards.csv', 3);
    const answer = await factory.runBatch(csv);
    expect(answer.exitCode).toBe(6);
    expect(answer.stderr).toContain('AWS does not allow AttachPolicy');
    refusing = false;
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
    expect(factory.iot.certificates.size).toBe(3);
  });

  it('gets through throttles, server errors, cut connections, lost answers and silence', async () => {
    let call = 0;
    factory.iot.options.fault = () => {
      call += 1;
      if (call % 11 === 0) return { kind: 'lose' };
      if (call % 7 === 0) return { kind: 'refuse', status: 503, code: 'ServiceUnavailableException' };
      if (call % 13 === 0) return { kind: 'cut' };
      if (call % 17 === 0) return { kind: 'hang' };
      return call % 5 === 0 ? { kind: 'refuse', status: 400, code: 'ThrottlingException' } : undefined;
    };
    const csv = await factory.writeBoards('boards.csv', 8);
    expect(await factory.runBatch(csv, '--request-timeout-ms', '300')).toMatchObject({ exitCode: 0 });
    factory.iot.options.fault = () => undefined;
    expect(factory.iot.certificates.size).toBe(8);
    expect(factory.backend.devices.size).toBe(8);
    expect((await factory.cli('batch', 'verify', 'boards')).exitCode).toBe(0);
  }, 30_000);

  it('ends with 130 on Ctrl-C and goes on afterwards', async () => {
    const { Refusal } = await import('../refusal.ts');
    const interrupt = new AbortController();
    factory.iot.options.onCall = (operation) => {
      if (operation === 'AttachThingPrincipal') interrupt.abort(new Refusal('interrupted', 'Interrupted.'));
    };
    const csv = await factory.writeBoards('boards.csv', 5);
    const answer = await factory.cliUntil(
      interrupt.signal,
      'batch',
      'run',
      csv,
      '--passphrase-file',
      factory.passphraseFile,
    );
    expect(answer.exitCode).toBe(130);
    factory.iot.options.onCall = () => undefined;
    expect((await factory.runBatch(csv)).exitCode).toBe(0);
    expect(factory.iot.certificates.size).toBe(5);
  });
});
