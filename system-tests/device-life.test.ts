import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { AppClient } from '@aovis/simulator/app-client';
import { expectAnswer } from '@aovis/simulator/expect-answer';
import type { ProvisionedBoard } from '@aovis/simulator/factory';
import { waitFor } from '@aovis/simulator/wait-for';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { BoardIdentity } from './support/board-client.ts';
import { query } from './support/database.ts';
import { RunningSystem } from './support/running-system.ts';

const reason = ['--reason', 'a test of the whole'] as const;

const closeOf = (client: MqttClient): Promise<void> =>
  new Promise((resolve) => {
    client.once('close', () => resolve());
  });

/** What the factory does to boards after they were made, with every part of the system as it is. */
describe('the life of a board after the factory', () => {
  let running: RunningSystem;

  beforeAll(async () => {
    running = await RunningSystem.start({ boards: 5 });
  });

  afterAll(async () => {
    await running?.stop();
  });

  const device = (verb: string, { serial }: ProvisionedBoard, ...more: string[]) =>
    running.system.factory.run('device', verb, serial, ...reason, ...more);
  const reload = ({ serial }: ProvisionedBoard): ProvisionedBoard => {
    const board = running.provisioned.find((each) => each.serial === serial);
    if (board === undefined) throw new Error(`${serial} has no label any more`);
    return board;
  };

  it('begins in a factory that the doctor finds ready', async () => {
    const { stdout } = await running.system.factory.run('doctor');
    expect(stdout).toContain('operations may be called');
    expect(stdout).toContain('Ready to make boards.');
  });

  it('revoke disconnects a board within seconds, for good', async () => {
    const board = running.provisionedBoard(0);
    const identity = new BoardIdentity(board);
    const client = await identity.connect();
    const closed = closeOf(client).then(() => performance.now());
    const began = performance.now();
    await device('revoke', board);
    expect((await closed) - began).toBeLessThan(5_000);
    await expect(identity.connect()).rejects.toThrow();
    // The provider ends the handshake of a certificate that is not ACTIVE.
    await expect(identity.credentials()).rejects.toThrow();
    await expect(running.owner('eve@example.com', board)).rejects.toThrow('device_not_provisioned');
  });

  it('revoke takes a board with the real agent off the air', async () => {
    const provisioned = running.provisionedBoard(1);
    const board = running.board(1);
    const anna: AppClient = await running.owner('anna@example.com', provisioned);
    const untilOnline = (wanted: boolean) =>
      waitFor(`online ${String(wanted)}`, async () =>
        expectAnswer(await anna.device(board.deviceId), 200).online === wanted ? true : undefined,
      );
    board.start();
    await untilOnline(true);
    await device('revoke', provisioned);
    await untilOnline(false);
    await board.stop();
  });

  it('reissue-code: the old label is worth nothing, the new one activates', async () => {
    const old = running.provisionedBoard(2);
    await device('reissue-code', old);
    const current = reload(old);
    expect(current.activationCode).not.toBe(old.activationCode);
    await expect(running.owner('ben@example.com', old)).rejects.toThrow('invalid_activation_code');
    await running.owner('ben@example.com', current);
  });

  it('rotate: the new bundle connects, and whoever copied the old one is out', async () => {
    const board = running.provisionedBoard(3);
    const copy = join(running.system.folder.root, 'copied-bundle');
    cpSync(board.bundle, copy, { recursive: true });
    const thief = new BoardIdentity({ ...board, bundle: copy });
    const stolen = await thief.connect();
    const closed = closeOf(stolen);
    await device('rotate', board);
    await closed;
    await expect(thief.connect()).rejects.toThrow();
    const client = await new BoardIdentity(board).connect();
    expect(client.connected).toBe(true);
    await client.endAsync();
    await running.owner('cleo@example.com', board);
  });

  it('destroy: nothing of it is left, and no label', async () => {
    const board = running.provisionedBoard(4);
    await device('destroy', board, '--confirm', board.serial);
    expect(() => reload(board)).toThrow('no label');
    await expect(running.owner('dan@example.com', board)).rejects.toThrow();
  });

  it('leaves disk, journal, AWS IoT and backend of one mind, and both audit logs whole', async () => {
    const { factory } = running.system;
    expect((await factory.run('batch', 'reconcile', 'test')).stdout).toContain('agree');
    await factory.run('batch', 'verify', 'test');
    await factory.run('audit', 'verify');
    expect((await running.system.backendCli('audit', 'verify')).stdout).toMatch(/^ok [1-9]/);
    const rows = await query<{ action: string; reason: string }>(
      running.system.databaseUrl,
      `SELECT action, details->>'reason' AS reason FROM audit_log
       WHERE actor_kind = 'station' AND subject_kind = 'device' ORDER BY seq`,
    );
    expect(rows).toEqual(
      ['revoke_board', 'revoke_board', 'replace_certificate', 'retire_board'].map((action) => ({
        action: `factory.${action}`,
        reason: 'a test of the whole',
      })),
    );
  });
});
