import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DiskFault } from '../testing/disk-fault.ts';
import { FactoryFixture } from '../testing/factory-fixture.ts';
import { startSecondStation } from '../testing/second-station.ts';
import { ToolProcess } from '../testing/tool-process.ts';

const journal = 'journal.jsonl';
/** Opening the journal syncs it as well. */
const afterOpening = 1;
const list = (...numbers: number[]) =>
  ['serial,model', ...numbers.map((n) => `N4K-00000${n},n4k`), ''].join('\n');

/** The n-th record of a run is where it is killed: on its way to the disk, half there, or there and nothing after it. */
const atRecord: [string, (n: number) => DiskFault][] = [
  ['after', (n) => ({ file: journal, operation: 'sync', at: afterOpening + n, effect: 'kill-after' })],
  ['before', (n) => ({ file: journal, operation: 'sync', at: afterOpening + n, effect: 'kill-before' })],
  ['in the middle of', (n) => ({ file: journal, operation: 'write', at: n, effect: 'kill-torn' })],
];

describe('batch reconcile --apply, killed', () => {
  let factory: FactoryFixture;
  let tool: ToolProcess;
  let stray: string;

  beforeEach(async () => {
    factory = new FactoryFixture();
    tool = new ToolProcess(factory);
    await factory.start();
    await factory.prepare();
    expect((await factory.runBatch(await factory.writeCsv('boards.csv', list(1, 2, 3)))).exitCode).toBe(0);
    await breakThings();
  });

  afterEach(async () => {
    tool.kill();
    await factory.stop();
  });

  const certificateOf = (deviceId: string) => factory.backend.devices.get(deviceId)?.certificate_id ?? '';

  /** One difference of each kind that a program may mend. */
  async function breakThings(): Promise<void> {
    const [one, two, three] = ['1', '2', '3'].map((n) => `aovis-n4k-00000${n}`) as [string, string, string];
    factory.iot.certificates.get(certificateOf(one))?.policies.clear();
    factory.iot.things.get(one)?.principals.clear();
    factory.iot.things.delete(two);
    Object.assign(factory.iot.things.get(three)?.attributes ?? {}, { batch: 'wrong' });
    factory.backend.devices.delete(three);
    stray = join(factory.workspace, 'batches', 'boards', 'staging', 'aovis-n4k-000099');
    await mkdir(stray, { mode: 0o700 });
    await writeFile(join(stray, 'device.key'), 'never used', { mode: 0o600 });
  }

  const apply = (fault?: DiskFault) => tool.run(['batch', 'reconcile', 'boards', '--apply'], fault);

  async function expectAllAgree(): Promise<void> {
    expect(await factory.cli('batch', 'reconcile', 'boards')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('agree'),
    });
    expect(factory.iot.things.size).toBe(3);
    expect(factory.iot.certificates.size).toBe(3);
    expect([...factory.iot.certificates.values()].every(({ status }) => status === 'ACTIVE')).toBe(true);
    expect(factory.backend.devices.size).toBe(3);
    expect(await readdir(join(stray, '..'))).toEqual([]);
    expect((await factory.cli('audit', 'verify')).exitCode).toBe(0);
  }

  it.each(atRecord)(
    '%s each of its records, mends the rest when it is run again',
    async (_, fault) => {
      let runs = 0;
      for (; runs < 20; runs++) {
        const { code } = await apply(fault(runs + 1));
        expect(await factory.activeWithoutBundle(['boards'])).toEqual([]);
        if (code === 0) break;
        expect(code).toBeNull();
      }
      expect(runs).toBeGreaterThan(3);
      await expectAllAgree();
    },
    90_000,
  );

  it.each([false, true])(
    'at calls that change the cloud (after their effect: %s), mends the rest',
    async (afterEffect) => {
      const changing = new Set(['CreateThing', 'AttachThingPrincipal', 'AttachPolicy', 'UpdateThing']);
      let kills = 0;
      for (let nth = 1; nth <= 4; nth++) {
        let call = 0;
        factory.iot.options.onCall = (operation, done) => {
          if (done === afterEffect && changing.has(operation) && ++call === nth) tool.kill();
        };
        if ((await apply()).code === null) kills += 1;
      }
      factory.iot.options.onCall = () => undefined;
      expect(kills).toBeGreaterThan(1);
      expect((await apply()).code).toBe(0);
      await expectAllAgree();
    },
    60_000,
  );
});

describe('batch merge, killed', () => {
  let first: FactoryFixture;
  let second: FactoryFixture;
  let tool: ToolProcess;

  beforeEach(async () => {
    first = new FactoryFixture();
    tool = new ToolProcess(first);
    await first.start();
    await first.prepare();
    second = await startSecondStation(first);
    expect((await first.runBatch(await first.writeCsv('boards.csv', list(1)))).exitCode).toBe(0);
    expect((await second.runBatch(await second.writeCsv('boards.csv', list(3, 4, 5)))).exitCode).toBe(0);
  });

  afterEach(async () => {
    tool.kill();
    await second.stop();
    await first.stop();
  });

  const take = (fault?: DiskFault) =>
    tool.run(['batch', 'merge', 'boards', '--from', second.workspace], fault);

  async function expectTakenOnce(): Promise<void> {
    expect(await first.cli('batch', 'reconcile', 'boards')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('agree'),
    });
    const verified = await first.succeed('batch', 'verify', 'boards', '--json');
    expect(JSON.parse(verified.stdout)).toMatchObject({ verified: 4, unfinished: 0, problems: [] });
    const batch = join(first.workspace, 'batches', 'boards');
    expect((await readFile(join(batch, 'labels.csv'), 'utf8')).match(/^N4K-\d+/gm)).toEqual(
      [1, 3, 4, 5].map((n) => `N4K-00000${n}`),
    );
    expect(await readdir(join(batch, 'staging'))).toEqual([]);
    expect(await readdir(join(batch, 'bundles'))).toHaveLength(4);
    expect((await first.cli('audit', 'verify')).exitCode).toBe(0);
  }

  it.each(atRecord)(
    '%s each of its records, takes over the rest when it is run again',
    async (_, fault) => {
      // Three boards, three records. One that was torn is cut off, so the run after must get one further.
      const records = fault(1).effect === 'kill-torn' ? [1, 2, 2] : [1, 1, 1];
      for (const n of records) expect((await take(fault(n))).code).toBeNull();
      expect((await take()).code).toBe(0);
      await expectTakenOnce();
    },
    60_000,
  );

  it.each<[string, DiskFault]>([
    [
      'the labels, before they are in place',
      { file: 'labels.csv', operation: 'rename', at: 1, effect: 'kill-before' },
    ],
    ['the labels, in place', { file: 'labels.csv', operation: 'rename', at: 1, effect: 'kill-after' }],
    ['a key, half copied', { file: 'device.key', operation: 'write', at: 2, effect: 'kill-torn' }],
    ['a staged bundle', { file: 'aovis-n4k-000003', operation: 'rename', at: 1, effect: 'kill-after' }],
    ['a bundle in its place', { file: 'aovis-n4k-000004', operation: 'rename', at: 2, effect: 'kill-after' }],
  ])(
    'at %s, takes over the rest when it is run again',
    async (_, fault) => {
      expect((await take(fault)).code).toBeNull();
      expect((await take()).code).toBe(0);
      await expectTakenOnce();
    },
    60_000,
  );
});
