import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { activationCodeDigest, readActivationCode } from '@aovis/contracts/activation-code';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from '../testing/factory-fixture.ts';
import { ToolProcess } from '../testing/tool-process.ts';

const serial = 'N4K-000001';
const command = ['device', 'reissue-code', serial, '--reason', 'the label was seen'];

/** Real processes, killed with SIGKILL; then the same command. */
describe('device reissue-code, killed', () => {
  let factory: FactoryFixture;
  let tool: ToolProcess;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 2))).exitCode).toBe(0);
    tool = new ToolProcess(factory);
  });
  afterEach(async () => {
    tool.kill();
    await factory.stop();
  });

  const stored = () => factory.backend.devices.get('aovis-n4k-000001');

  async function labelDigests(): Promise<string[]> {
    const path = join(factory.workspace, 'batches', 'boards', 'labels.csv');
    const rows = (await readFile(path, 'utf8')).split('\n').filter((line) => line.startsWith(`${serial},`));
    return rows.map((row) => {
      const reading = readActivationCode(row.split(',')[3] ?? '');
      return reading.ok ? activationCodeDigest(serial, reading.code) : 'no code';
    });
  }

  it('at every effect on the disk: the code that counts is on a label, and the same command ends what was begun', async () => {
    let kills = 0;
    for (let at = 1; ; at++) {
      const before = stored();
      const fault = { file: '*', operation: 'any', at, effect: 'kill-after' } as const;
      const { code, stderr } = await tool.run(command, fault);
      // Whatever the backend takes now, somebody has a label with it.
      expect(await labelDigests()).toContain(stored()?.activation_code_digest);
      if (code !== null) {
        expect({ code, stderr }).toMatchObject({ code: 0 });
        break;
      }
      kills += 1;
      await factory.succeed(...command);
      expect(await labelDigests()).toEqual([stored()?.activation_code_digest]);
      expect(stored()?.activation_code_digest).not.toBe(before?.activation_code_digest);
      // One new code; two where the kill came when all was done.
      const epochs = (stored()?.code_epoch ?? 0) - (before?.code_epoch ?? 0);
      expect([1, 2]).toContain(epochs);
    }
    expect(kills).toBeGreaterThan(10);
    const reconciled = await factory.cli('batch', 'reconcile', 'boards');
    expect(reconciled).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('agree') });
    await factory.succeed('batch', 'verify', 'boards');
    await factory.succeed('audit', 'verify');
  }, 180_000);
});
