import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { writeFileAtomically } from '../host/atomic-file.ts';
import { settle } from '../testing/fake-clock.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { until } from '../testing/until.ts';
import { claimWindowMs } from './claim-window.ts';
import { BindingStand, type BindingStandOptions } from './testing/binding-stand.ts';

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});

const start = (options?: BindingStandOptions): Promise<BindingStand> =>
  BindingStand.start(directory, options);
const kept = async (): Promise<unknown> =>
  JSON.parse(await readFile(join(directory, 'binding.json'), 'utf8'));

describe('a board fresh from the factory', () => {
  it('can be claimed for 15 minutes from the first word of the cloud on, and not before', async () => {
    const stand = await start();
    expect(stand.keeper.status()).toEqual({
      claimable: false,
      ownership: undefined,
      windowClosesAt: undefined,
    });
    expect(await stand.keeper.openWindow('button')).toBe('unknown');
    await stand.connect();
    const closesAt = stand.clock.now() + claimWindowMs;
    expect(stand.keeper.status()).toEqual({
      claimable: true,
      ownership: { epoch: 0, owned: false },
      windowClosesAt: closesAt,
    });
    expect(stand.keeper.health()).toEqual({ ok: true, detail: 'can be claimed for 15 min (epoch 0)' });
    expect(stand.shadow.reported).toEqual({ epoch: 0, owned: false });
    const changes = stand.changes;
    await stand.clock.advance(claimWindowMs);
    expect(stand.keeper.status().claimable).toBe(false);
    expect(stand.changes).toBe(changes + 1);
    await stand.stop();
  });

  it('is not one again after a restart', async () => {
    const first = await start();
    await first.connect();
    await first.clock.advance(claimWindowMs - 60_000);
    await first.stop();
    const second = await start({ clock: first.clock });
    expect(second.keeper.status().claimable).toBe(true);
    await second.connect();
    await second.clock.advance(60_000);
    expect(second.keeper.status().claimable).toBe(false);
    await second.stop();
    const third = await start({ clock: first.clock });
    await third.connect();
    expect(third.keeper.status().claimable).toBe(false);
    await third.stop();
  });

  it('that has an owner cannot be claimed: whoever resets it must return it first', async () => {
    const stand = await start({ desired: { epoch: 3, owned: true } });
    await stand.connect();
    expect(stand.keeper.status()).toMatchObject({ claimable: false, ownership: { epoch: 3, owned: true } });
    expect(await stand.keeper.openWindow('button')).toBe('owned');
    expect(stand.shadow.reported).toEqual({ epoch: 3, owned: true });
    await stand.stop();
  });
});

describe('the button', () => {
  it('lets a board that nobody owns be claimed for 15 minutes more', async () => {
    const stand = await start();
    await stand.connect();
    await stand.clock.advance(claimWindowMs);
    expect(await stand.keeper.openWindow('button')).toBeUndefined();
    await stand.clock.advance(claimWindowMs - 1);
    expect(stand.keeper.status().claimable).toBe(true);
    await stand.stop();
  });

  it('does nothing when the disk does not take it', async () => {
    let full = false;
    const write = async (path: string, content: string): Promise<void> => {
      if (full) throw new Error('no space left');
      await writeFileAtomically(path, content);
    };
    const stand = await start({ write });
    await stand.connect();
    await stand.clock.advance(claimWindowMs);
    full = true;
    expect(await stand.keeper.openWindow('button')).toBe('not_stored');
    expect(stand.keeper.status().claimable).toBe(false);
    await stand.stop();
  });
});

it('says what to do while the disk does not take whose the board is, and lets nothing out', async () => {
  let full = true;
  const write = async (path: string, content: string): Promise<void> => {
    if (full) throw new Error('ENOSPC: no space left on device, write');
    await writeFileAtomically(path, content);
  };
  const stand = await start({ write });
  stand.connection.connect();
  await until(() => stand.logged.length > 0);
  expect(stand.logged[0]).toContain('(ENOSPC: no space left on device, write). Free space on its disk');
  expect(stand.gate.state).toBe('connecting');
  full = false;
  await stand.clock.advance(2_000);
  await until(() => stand.gate.state === 'connected');
  await stand.stop();
});

it('keeps both when the button is pressed while the cloud speaks', async () => {
  const stand = await start({ desired: { epoch: 2, owned: false } });
  await stand.connect();
  stand.shadow.desire({ epoch: 4, owned: false });
  const presses = await Promise.all(Array.from({ length: 5 }, () => stand.keeper.openWindow('button')));
  expect(presses).toEqual([undefined, undefined, undefined, undefined, undefined]);
  await until(() => stand.shadow.reported['epoch'] === 4);
  expect(await kept()).toMatchObject({ ownership: { epoch: 4, owned: false }, wipe_pending: false });
  await stand.stop();
});

describe('a change of owner', () => {
  it('closes the window with the first owner, wipes with his leaving, and tells the cloud', async () => {
    let wipes = 0;
    const stand = await start({ data: [{ name: 'it', wipe: async () => void (wipes += 1) }] });
    await stand.connect();
    stand.shadow.desire({ epoch: 1, owned: true });
    await until(() => stand.shadow.reported['epoch'] === 1);
    expect([stand.keeper.status().claimable, wipes]).toEqual([false, 0]);
    stand.shadow.desire({ epoch: 2, owned: false });
    await until(() => stand.shadow.reported['epoch'] === 2);
    expect([wipes, stand.wiped]).toEqual([1, [2]]);
    // A release alone lets nobody claim: somebody has to stand before the board.
    expect(stand.keeper.status()).toMatchObject({ claimable: false, ownership: { epoch: 2, owned: false } });
    expect(await kept()).toEqual({ ownership: { epoch: 2, owned: false }, wipe_pending: false });
    await stand.stop();
  });

  it('that a board slept through wipes it before anything that it kept goes out', async () => {
    const before = await start({ desired: { epoch: 1, owned: true } });
    await before.connect();
    await before.stop();
    const order: string[] = [];
    const data = [{ name: 'it', wipe: async () => void order.push('wiped') }];
    const stand = await start({ desired: { epoch: 3, owned: true }, data });
    stand.gate.onConnected(() => order.push('sent'));
    expect(stand.gate.state).toBe('connecting');
    await stand.connect();
    expect(order).toEqual(['wiped', 'sent']);
    stand.connection.disconnect();
    expect(stand.gate.state).toBe('waiting');
    await stand.stop();
  });

  it('hears that a share has ended, and keeps that', async () => {
    const stand = await start({ desired: { epoch: 3, owned: true } });
    await stand.connect();
    const { changes } = stand;
    stand.shadow.desire({ epoch: 3, owned: true, viewers_since: 1_000 });
    await until(() => stand.shadow.reported['viewers_since'] === 1_000);
    expect(stand.changes).toBe(changes + 1);
    expect(stand.wiped).toEqual([]);
    expect(await kept()).toMatchObject({ ownership: { epoch: 3, owned: true, viewers_since: 1_000 } });
    await stand.stop();
  });

  it('lets nothing out while the cloud does not say whose the board is', async () => {
    const stand = await start({ desired: { epoch: 1, owned: true } });
    stand.shadow.rejections.push({ code: 500, message: 'Internal service failure' });
    stand.connection.connect();
    await until(() => stand.shadow.gets === 1);
    await settle();
    expect(stand.gate.state).toBe('connecting');
    await expect(stand.gate.publish({ topic: 't', payload: '{}' })).rejects.toMatchObject({
      code: 'not-connected',
    });
    await stand.clock.advance(2_000);
    await until(() => stand.gate.state === 'connected');
    await stand.stop();
  });

  it('looks again when the shadow changes between reading and reporting', async () => {
    const stand = await start({ desired: { epoch: 1, owned: true } });
    stand.connection.onPublish = ((others) => async (message) => {
      const first = message.topic.endsWith('/update') && stand.shadow.updates.length === 0;
      if (first) stand.shadow.desire({ epoch: 2, owned: false });
      await others(message);
    })(stand.connection.onPublish);
    await stand.connect();
    expect(stand.shadow.reported).toEqual({ epoch: 2, owned: false });
    await stand.stop();
  });

  it('does not go back to an epoch that is over, and keeps what it knows when told nonsense', async () => {
    const stand = await start({ desired: { epoch: 4, owned: false } });
    await stand.connect();
    stand.shadow.desire({ epoch: 1, owned: true });
    await until(() => stand.shadow.gets === 2);
    stand.shadow.desire({ epoch: -1 });
    await until(() => stand.shadow.gets === 3);
    await settle();
    expect(stand.keeper.status().ownership).toEqual({ epoch: 4, owned: false });
    expect(stand.wiped).toEqual([]);
    await stand.stop();
  });
});

describe('a wipe', () => {
  it('that fails is tried again, and so long nothing goes out', async () => {
    const before = await start({ desired: { epoch: 1, owned: true } });
    await before.connect();
    await before.stop();
    let attempts = 0;
    const wipe = async (): Promise<void> => {
      attempts += 1;
      if (attempts === 1) throw new Error('read-only file system');
    };
    const stand = await start({ desired: { epoch: 2, owned: false }, data: [{ name: 'it', wipe }] });
    stand.connection.connect();
    await until(() => attempts === 1);
    await settle();
    expect([stand.gate.state, stand.keeper.health().ok]).toEqual(['connecting', false]);
    await stand.clock.advance(2_000);
    await until(() => stand.gate.state === 'connected');
    expect([attempts, stand.wiped, stand.keeper.health().ok]).toEqual([2, [2], true]);
    await stand.stop();
  });

  it('that a power cut interrupted is done at the next start, without a connection', async () => {
    const before = await start({ desired: { epoch: 1, owned: true } });
    await before.connect();
    await before.stop();
    let begun = false;
    const cut = (): Promise<never> => {
      begun = true;
      return new Promise(() => {});
    };
    const dying = await start({ desired: { epoch: 2, owned: false }, data: [{ name: 'it', wipe: cut }] });
    dying.connection.connect();
    await until(() => begun);
    expect(await kept()).toMatchObject({ wipe_pending: true });

    let wipes = 0;
    const next = await start({ data: [{ name: 'it', wipe: async () => void (wipes += 1) }] });
    expect([wipes, next.wiped]).toEqual([1, [2]]);
    expect(await kept()).toMatchObject({ wipe_pending: false });
    await next.stop();
  });
});
