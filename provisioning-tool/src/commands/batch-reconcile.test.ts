import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../clock.ts';
import { Journal } from '../journal/journal.ts';
import { FactoryFixture } from '../testing/factory-fixture.ts';

interface Difference {
  subject: string;
  problem: string;
  outcome: string;
}

describe('batch reconcile', () => {
  let factory: FactoryFixture;

  beforeEach(async () => {
    factory = new FactoryFixture();
    await factory.start();
    await factory.prepare();
    expect((await factory.runBatch(await factory.writeBoards('boards.csv', 4))).exitCode).toBe(0);
  });

  afterEach(async () => {
    await factory.stop();
  });

  const inBatch = (...path: string[]) => join(factory.workspace, 'batches', 'boards', ...path);
  const certificateOf = (deviceId: string) => factory.backend.devices.get(deviceId)?.certificate_id ?? '';
  async function reconcile(...flags: string[]): Promise<{ exitCode: number; differences: Difference[] }> {
    const answer = await factory.cli('batch', 'reconcile', 'boards', '--json', ...flags);
    if (answer.stdout === '') throw new Error(answer.stderr);
    return { exitCode: answer.exitCode, ...(JSON.parse(answer.stdout) as { differences: Difference[] }) };
  }
  const shortOf = ({ subject, problem, outcome }: Difference) => `${subject}: ${problem} (${outcome})`;

  it('says that all agree, and changes nothing', async () => {
    // The audit log says that somebody looked.
    const withoutAudit = async () => [...(await factory.files())].filter(([path]) => path !== 'audit.jsonl');
    const before = await withoutAudit();
    expect(await reconcile()).toEqual({ exitCode: 0, batch_id: 'boards', applied: false, differences: [] });
    expect(await withoutAudit()).toEqual(before);
    expect((await factory.cli('batch', 'verify', 'boards')).stdout).toContain('everything agrees');
  });

  it('mends what AWS IoT lost: certificate, thing, attachment, policy, attribute', async () => {
    const [one, two, three, four] = ['1', '2', '3', '4'].map((n) => `aovis-n4k-00000${n}`) as [
      string,
      string,
      string,
      string,
    ];
    factory.iot.certificates.delete(certificateOf(one));
    factory.iot.things.get(one)?.principals.clear();
    factory.iot.things.delete(two);
    factory.iot.things.get(three)?.principals.clear();
    factory.iot.certificates.get(certificateOf(three))?.policies.clear();
    Object.assign(factory.iot.things.get(four)?.attributes ?? {}, { batch: 'wrong' });
    const seen = await reconcile();
    expect(seen.exitCode).toBe(7);
    expect(seen.differences.map(({ subject, problem }) => `${subject}: ${problem}`)).toEqual([
      'N4K-000001: AWS IoT does not have the certificate',
      'N4K-000001: the certificate is not attached to the thing at AWS IoT',
      'N4K-000001: the certificate does not have the policy aovis-board at AWS IoT',
      'N4K-000002: AWS IoT does not have the thing',
      'N4K-000002: the certificate is not attached to the thing at AWS IoT',
      'N4K-000003: the certificate is not attached to the thing at AWS IoT',
      'N4K-000003: the certificate does not have the policy aovis-board at AWS IoT',
      "N4K-000004: the thing's attribute batch is wrong at AWS IoT",
    ]);
    expect(factory.iot.certificates.size).toBe(3);
    const mended = await reconcile('--apply');
    expect(mended.differences.map(({ outcome }) => outcome)).toEqual(Array(8).fill('mended'));
    expect(mended.exitCode).toBe(0);
    expect(await reconcile()).toMatchObject({ exitCode: 0, differences: [] });
    expect(factory.iot.certificates.get(certificateOf(one))?.status).toBe('ACTIVE');
    const journal = await readFile(join(factory.workspace, 'journal.jsonl'), 'utf8');
    expect(journal.match(/"type":"repair"/g)).toHaveLength(16);
  });

  it('does not look in another region, where all would seem to be missing', async () => {
    const answer = await factory.cli('batch', 'reconcile', 'boards', '--apply', '--region', 'eu-west-1');
    expect(answer).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('is in region eu-central-1'),
    });
    expect(factory.iot.calls.at(-1)?.operation).toBe('UpdateCertificate');
  });

  it('leaves to somebody what was switched off on purpose, or belongs to another station', async () => {
    const [one, two] = ['aovis-n4k-000001', 'aovis-n4k-000002'] as const;
    const certificate = factory.iot.certificates.get(certificateOf(one));
    if (certificate) certificate.status = 'INACTIVE';
    Object.assign(factory.iot.things.get(two)?.attributes ?? {}, {
      first_certificate_id: 'f'.repeat(64),
      station: 'line-9',
    });
    const { differences, exitCode } = await reconcile('--apply');
    expect(exitCode).toBe(7);
    expect(differences.map(shortOf)).toEqual([
      'N4K-000001: the certificate is INACTIVE at AWS IoT (for_you_to_decide)',
      "N4K-000002: the thing's attribute station is line-9 at AWS IoT (for_you_to_decide)",
      `N4K-000002: the thing's attribute first_certificate_id is ${'f'.repeat(64)} at AWS IoT (for_you_to_decide)`,
    ]);
    expect(certificate?.status).toBe('INACTIVE');
  });

  it('undoes nothing of a board that has renewed its certificate in the field, and says what counts', async () => {
    const deviceId = 'aovis-n4k-000001';
    const [handedOver, fresh] = [certificateOf(deviceId), 'f'.repeat(64)];
    // As the job rotate-certificate leaves it.
    const certificate = factory.iot.certificates.get(handedOver);
    if (certificate === undefined) throw new Error('no certificate');
    certificate.status = 'INACTIVE';
    certificate.policies.clear();
    factory.iot.things.get(deviceId)?.principals.clear();
    factory.iot.things.get(deviceId)?.principals.add(fresh);
    factory.backend.renewed.set(deviceId, fresh);
    const { differences, exitCode } = await reconcile('--apply');
    expect(exitCode).toBe(7);
    expect(differences.map(shortOf)).toEqual(
      ['AWS IoT', 'the backend'].map(
        (where) =>
          `N4K-000001: the board has renewed its certificate in the field (job rotate-certificate): ${where} has ${fresh} (for_you_to_decide)`,
      ),
    );
    expect([...(factory.iot.things.get(deviceId)?.principals ?? [])]).toEqual([fresh]);
    const shown = await factory.cli('batch', 'reconcile', 'boards');
    expect(shown.stdout).toContain(
      'nothing is wrong; the certificate of this workspace opens nothing any more',
    );
  });

  it('mends the disk: bundle in staging, open modes, rows of nobody, what was never used', async () => {
    await rename(inBatch('bundles', 'aovis-n4k-000001'), inBatch('staging', 'aovis-n4k-000001'));
    await chmod(inBatch('bundles', 'aovis-n4k-000002', 'device.key'), 0o644);
    const labels = await readFile(inBatch('labels.csv'), 'utf8');
    const [, first = ''] = labels.split('\n');
    await writeFile(inBatch('labels.csv'), `${labels}${first}\n${first.replace('000001', '000099')}\n`);
    await chmod(inBatch('labels.csv'), 0o644);
    await mkdir(inBatch('staging', 'aovis-n4k-000099'));
    await mkdir(inBatch('bundles', 'aovis-n4k-000098'));
    const seen = await reconcile('--apply');
    expect(seen.differences.map(shortOf)).toEqual([
      'aovis-n4k-000098: lies in bundles/, and the journal does not know it in this batch (for_you_to_decide)',
      'aovis-n4k-000099: lies in staging/ and was never used (mended)',
      'labels.csv: has mode 0644, not 0600: its codes can be read by others (mended)',
      'labels.csv: has rows that belong to no issued board of the batch (1) (mended)',
      'N4K-000001: has two labels (mended)',
      'N4K-000001: the bundle still lies in staging/ (mended)',
      'N4K-000002: device.key has mode 0644, not 0600 (mended)',
    ]);
    expect(await readFile(inBatch('labels.csv'), 'utf8')).toBe(labels);
    await rm(inBatch('bundles', 'aovis-n4k-000098'), { recursive: true });
    expect(await reconcile()).toMatchObject({ exitCode: 0, differences: [] });
  });

  it('hands over a manifest that waits', async () => {
    factory.backend.fault = () => 503;
    const more = await factory.writeCsv('more.csv', 'serial,model\nN4K-000008,n4k\n');
    expect((await factory.runBatch(more, '--outage-patience-seconds', '0')).exitCode).toBe(4);
    factory.backend.fault = () => undefined;
    const seen = await factory.cli('batch', 'reconcile', 'more');
    expect(seen).toMatchObject({
      exitCode: 7,
      stdout: expect.stringContaining('its manifest waits, and the backend does not have it'),
    });
    expect((await factory.cli('batch', 'reconcile', 'more', '--apply')).exitCode).toBe(0);
    expect(factory.backend.devices.has('aovis-n4k-000008')).toBe(true);
    expect((await factory.cli('batch', 'reconcile', 'more')).stdout).toContain('agree');
    expect((await factory.succeed('batch', 'status', 'more')).stdout).toMatch(/handed over +1/);
  });

  /** As if the journal had been put back from a copy that is older than this batch. */
  async function forgetBatch(batchId: string): Promise<void> {
    const path = join(factory.workspace, 'journal.jsonl');
    const lines = (await readFile(path, 'utf8')).split('\n');
    const before = lines.findIndex((line) => line.includes(`"${batchId}"`));
    await writeFile(path, `${lines.slice(0, before).join('\n')}\n`);
    await factory.forgetJournalEnd();
  }

  it('switches no board off that this station made when the journal does not know it any more', async () => {
    await factory.runBatch(await factory.writeCsv('more.csv', 'serial,model\nN4K-000008,n4k\n'));
    const eight = certificateOf('aovis-n4k-000008');
    await forgetBatch('more');
    const { differences } = await reconcile('--apply');
    expect(differences).toContainEqual(
      expect.objectContaining({
        subject: eight,
        outcome: 'for_you_to_decide',
        advice: expect.stringContaining('put the journal back'),
      }),
    );
    expect(factory.iot.certificates.get(eight)?.status).toBe('ACTIVE');
  });

  it('finds certificates without a board: an active one is switched off, an old one deleted', async () => {
    await factory.runBatch(
      await factory.writeCsv('more.csv', 'serial,model\nN4K-000008,n4k\nN4K-000009,n4k\n'),
    );
    const [eight, nine] = [certificateOf('aovis-n4k-000008'), certificateOf('aovis-n4k-000009')];
    // Another workspace with the same CA made these, and is gone: this journal never knew them.
    await forgetBatch('more');
    factory.iot.things.delete('aovis-n4k-000008');
    factory.iot.things.delete('aovis-n4k-000009');
    factory.backend.batches.set('aovis-n4k-000009', 'boards');
    const certificate = factory.iot.certificates.get(nine);
    if (certificate)
      Object.assign(certificate, { status: 'INACTIVE', createdAt: Date.now() - 25 * 3_600_000 });
    const { differences } = await reconcile('--apply');
    expect(new Map(differences.map(({ subject, outcome }) => [subject, outcome]))).toEqual(
      new Map([
        [eight, 'mended'],
        [nine, 'mended'],
        ['N4K-000009', 'for_you_to_decide'],
      ]),
    );
    expect(factory.iot.certificates.get(eight)?.status).toBe('INACTIVE');
    expect(factory.iot.certificates.has(nine)).toBe(false);
    // Switched off just now, and young: it is left for a day.
    expect((await reconcile()).differences.map(shortOf)).toContain(
      `${eight}: a certificate of our CA for aovis-n4k-000008 that the journal does not know is INACTIVE at AWS IoT (for_you_to_decide)`,
    );
  });

  it('hands over again what the backend lost, and says what it has otherwise', async () => {
    const [one, two, three, four] = ['1', '2', '3', '4'].map((n) => `aovis-n4k-00000${n}`) as [
      string,
      string,
      string,
      string,
    ];
    factory.backend.devices.delete(one);
    const board = factory.backend.devices.get(two);
    if (board) factory.backend.devices.set(two, { ...board, activation_code_digest: 'e'.repeat(64) });
    factory.backend.statuses.set(three, 'revoked');
    factory.backend.batches.set(four, 'elsewhere');
    const { differences } = await reconcile('--apply');
    expect(differences.map(shortOf)).toEqual([
      'N4K-000001: the backend took it over and does not have it any more (mended)',
      'N4K-000002: the backend has another activation code of it (for_you_to_decide)',
      'N4K-000003: the backend has revoked it (for_you_to_decide)',
      'N4K-000004: the backend counts it to batch elsewhere (for_you_to_decide)',
    ]);
    expect(factory.backend.devices.has(one)).toBe(true);
    expect(factory.backend.manifests.size).toBe(2);
  });

  it('finds boards with one and the same key', async () => {
    const journal = await Journal.open(factory.workspace, systemClock);
    const board = await journal.issued('N4K-000001');
    await journal.append({ ...board, serial: 'N4K-000050', certificate_id: 'a'.repeat(64) });
    await journal.close();
    const { differences } = await reconcile();
    expect(differences.map(({ subject, problem }) => `${subject}: ${problem}`)).toContain(
      'N4K-000050: has the same key as N4K-000001',
    );
  });

  it('goes on with its own work when AWS is away in between', async () => {
    factory.iot.certificates.get(certificateOf('aovis-n4k-000001'))?.policies.clear();
    factory.iot.options.fault = (operation) =>
      operation === 'AttachPolicy'
        ? { kind: 'refuse', status: 503, code: 'ServiceUnavailableException' }
        : undefined;
    const answer = await factory.cli(
      'batch',
      'reconcile',
      'boards',
      '--apply',
      '--outage-patience-seconds',
      '0',
    );
    expect(answer.exitCode).toBe(4);
    factory.iot.options.fault = () => undefined;
    expect((await reconcile('--apply')).exitCode).toBe(0);
  });
});

describe('batch export', () => {
  it('writes what is not finished so that it can be fed back', async () => {
    const factory = new FactoryFixture();
    await factory.start();
    try {
      await factory.prepare();
      factory.iot.things.set('aovis-n4k-000002', {
        type: 'aovis-camera',
        attributes: { station: 'other, "quoted"' },
        principals: new Set(),
        groups: new Set(),
      });
      const csv = await factory.writeBoards('boards.csv', 3);
      expect((await factory.runBatch(csv)).exitCode).toBe(7);
      const to = join(factory.directory, 'export');
      expect((await factory.cli('batch', 'export', 'boards', '--to', to, '--dry-run')).exitCode).toBe(0);
      const answer = await factory.succeed('batch', 'export', 'boards', '--to', to, '--json');
      expect(JSON.parse(answer.stdout)).toMatchObject({ boards: 3, failed: 1, manifests: 1 });
      const failed = await readFile(join(to, 'failed.csv'), 'utf8');
      expect(failed).toMatch(/^serial,model,iccid,problem\nN4K-000002,n4k,,"CreateThing: .*"\n$/);
      expect(await readFile(join(to, 'boards.csv'), 'utf8')).toContain('N4K-000001,n4k,,finished,true,true');
      expect((await factory.cli('batch', 'export', 'boards', '--to', to)).exitCode).toBe(7);
      factory.iot.things.delete('aovis-n4k-000002');
      const again = await factory.runBatch(join(to, 'failed.csv'), '--batch', 'boards', '--json');
      expect(again).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(again.stdout)).toMatchObject({ boards: 1, finished: 1 });
      expect((await factory.runBatch(csv, '--json')).exitCode).toBe(0);
      expect(await factory.cli('batch', 'verify', 'boards')).toMatchObject({ exitCode: 0 });
    } finally {
      await factory.stop();
    }
  });
});
