import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FactoryFixture } from '../testing/factory-fixture.ts';

interface Seen {
  name: string;
  result: string;
  says: string;
  details: string[];
}

describe('doctor', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
  });

  afterEach(async () => {
    await factory.stop();
  });

  async function examine(...flags: string[]) {
    const { exitCode, stdout, stderr } = await factory.cli('doctor', '--json', ...flags);
    const { checks } = JSON.parse(stdout) as { checks: Seen[] };
    return { exitCode, stderr, of: (name: string) => checks.find((each) => each.name === name) };
  }

  it('finds a prepared factory ready, and changes nothing anywhere', async () => {
    const before = await factory.files();
    const seen = await examine();
    expect(seen.stderr).toBe('');
    expect(seen.exitCode).toBe(0);
    expect(seen.of('permissions')).toMatchObject({ result: 'ok', says: '16 operations may be called' });
    expect(seen.of('registered ca')).toMatchObject({ result: 'ok', says: 'ACTIVE' });
    expect(seen.of('root key')).toMatchObject({ result: 'warning' });
    expect(seen.of('clock')?.result).toBe('ok');
    expect(factory.iot.things.size + factory.iot.certificates.size).toBe(0);
    expect(await factory.files()).toEqual(before);
  });

  it('names each permission that is missing', async () => {
    factory.iot.options.fault = (operation) =>
      operation === 'AttachThingPrincipal' || operation === 'ListThings'
        ? { kind: 'refuse', status: 403, code: 'AccessDeniedException' }
        : undefined;
    const seen = await examine();
    expect(seen.exitCode).toBe(6);
    expect(seen.of('permissions')?.details).toEqual([
      'iot:AttachThingPrincipal is not allowed',
      'iot:ListThings is not allowed',
    ]);
    expect(seen.stderr).toContain('Mend this first (permissions)');
  });

  it('explains what fails first, and does not run what needs it', async () => {
    factory.iot.options.fault = () => ({ kind: 'cut' });
    const seen = await examine('--outage-patience-seconds', '0');
    expect(seen.exitCode).toBe(4);
    expect(seen.of('aws')?.result).toBe('failed');
    expect(seen.of('permissions')).toMatchObject({ result: 'not checked' });
    expect(seen.stderr).toContain('Mend this first (aws)');
  });

  it('sees open folders, a broken journal, a station that the backend does not know', async () => {
    factory.backend.stations.clear();
    expect(await examine()).toMatchObject({ exitCode: 6, stderr: expect.stringContaining('(backend)') });
    const audit = join(factory.workspace, 'audit.jsonl');
    const log = await readFile(audit, 'utf8');
    await writeFile(audit, log.replace('"ca init"', '"ca show"'));
    const tampered = await examine('--offline');
    expect(tampered).toMatchObject({ exitCode: 8, stderr: expect.stringContaining('(audit log)') });
    expect(tampered.of('journal')?.result).toBe('ok');
    await writeFile(audit, log);
    await writeFile(join(factory.workspace, 'journal.jsonl'), '{"seq":1}\n');
    expect(await examine('--offline')).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('(journal)'),
    });
    await chmod(factory.workspace, 0o755);
    expect(await examine('--offline')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('chmod 700'),
    });
    await chmod(factory.workspace, 0o700);
    await rm(join(factory.workspace, 'ca'), { recursive: true });
    await rm(join(factory.workspace, 'journal.jsonl'));
    delete factory.env['AOVIS_ROOT_CA_FILE'];
    expect(await examine('--offline')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('root_ca_file'),
    });
  });
});
