import { expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { BitrateController } from './bitrate-controller.ts';

const wishedBps = 1_000_000;

/** A camera, and an uplink between it and the service, second by second. */
function setUp(targetBps: number | undefined = wishedBps) {
  const clock = new FakeClock();
  const state = {
    encoderBps: targetBps ?? wishedBps,
    uplinkBps: 5_000_000,
    behindBits: 0,
    changes: [] as number[],
  };
  const controller = new BitrateController({
    clock,
    logger: createLogger({ level: 'silent' }),
    onChange: (bitrateBps) => {
      state.changes.push(bitrateBps);
      state.encoderBps = bitrateBps;
    },
  });
  controller.setTarget(targetBps);
  const behindMs = (): number => 1_500 + (state.behindBits / state.encoderBps) * 1_000;
  return {
    state,
    controller,
    behindMs,
    pass: async (seconds: number, connected = true): Promise<void> => {
      for (let i = 0; i < seconds; i++) {
        await clock.advance(1_000);
        const offered = state.behindBits + state.encoderBps;
        const sentBps = connected ? Math.min(offered, state.uplinkBps) : 0;
        state.behindBits = offered - sentBps;
        controller.sample({ connected, behindMs: behindMs(), sentBps });
      }
    },
  };
}

it('leaves the encoder alone while the uplink carries what it delivers', async () => {
  const { state, pass } = setUp();
  await pass(600);
  expect(state.changes).toEqual([]);
});

it('goes below what the uplink carries, so that the queue becomes shorter, and not to the floor', async () => {
  const { state, pass, behindMs } = setUp();
  state.uplinkBps = 400_000;
  await pass(120);
  expect(state.encoderBps).toBeLessThan(400_000);
  expect(state.encoderBps).toBeGreaterThan(150_000);
  expect(behindMs()).toBeLessThan(20_000);
});

it('comes back to what is wished when the uplink is good again, step by step', async () => {
  const { state, pass } = setUp();
  state.uplinkBps = 400_000;
  await pass(120);
  state.uplinkBps = 5_000_000;
  await pass(1_200);
  expect(state.encoderBps).toBe(wishedBps);
  expect(state.changes.every((bitrateBps) => bitrateBps <= wishedBps)).toBe(true);
});

it('tries more ever more seldom on an uplink that stays slow', async () => {
  const { state, pass } = setUp();
  state.uplinkBps = 400_000;
  await pass(7_200);
  expect(state.changes.length).toBeLessThan(30);
  expect(state.encoderBps).toBeLessThanOrEqual(520_000);
});

it('does not take an outage, or what it has left, for a slow uplink', async () => {
  const { state, pass } = setUp();
  state.uplinkBps = 2_000_000;
  await pass(60, false);
  await pass(300);
  expect(state.changes).toEqual([]);
});

it('keeps a floor, however little the uplink carries', async () => {
  const { state, pass } = setUp();
  state.uplinkBps = 10_000;
  await pass(600);
  expect(state.encoderBps).toBe(wishedBps / 8);
});

it('changes nothing of an encoder that it was not given, and begins anew with new settings', async () => {
  const { state, controller, pass } = setUp();
  controller.setTarget(undefined);
  state.uplinkBps = 100_000;
  await pass(120);
  expect(state.changes).toEqual([]);
  controller.setTarget(wishedBps);
  await pass(60);
  expect(state.changes.length).toBeGreaterThan(0);
});
