import { expect, it } from '@jest/globals';
import { createLogger } from '../host/logger.ts';
import { clipPictures } from '../streaming/testing/pictures.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import type { AccessUnit } from './access-unit.ts';
import { Camera } from './camera.ts';
import type { CameraSource } from './camera-source.ts';

const [picture] = clipPictures() as [AccessUnit];

/** A source that the test drives: each capture waits until it is ended. */
class ManualSource implements CameraSource {
  readonly name = 'manual';
  captures = 0;
  running = 0;
  deliver: (accessUnit: AccessUnit) => void = () => undefined;
  #settle: ((error?: Error) => void) | undefined;

  capture(signal: AbortSignal, onAccessUnit: (accessUnit: AccessUnit) => void): Promise<void> {
    this.captures++;
    this.running++;
    this.deliver = onAccessUnit;
    return new Promise<void>((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
      signal.addEventListener('abort', () => resolve(), { once: true });
    }).finally(() => this.running--);
  }

  end(error?: Error): void {
    this.#settle?.(error);
  }
}

function setUp() {
  const clock = new FakeClock();
  const source = new ManualSource();
  const logger = createLogger({ level: 'silent' });
  const camera = new Camera({ source, clock, logger, random: () => 0.999, noFrameTimeoutMs: 3_000 });
  return { clock, source, camera, signal: new AbortController().signal };
}

it('does not capture for those who only observe', async () => {
  const { source, camera, signal } = setUp();
  await camera.start(signal);
  const seen: AccessUnit[] = [];
  const stopObserving = camera.observe((accessUnit) => seen.push(accessUnit));
  expect(source.captures).toBe(0);
  const stopListening = camera.subscribe(() => undefined);
  source.deliver(picture);
  expect(seen).toEqual([picture]);
  stopObserving();
  source.deliver(picture);
  expect(seen).toHaveLength(1);
  stopListening();
  await settle();
  expect(source.running).toBe(0);
});

it('captures while anybody listens', async () => {
  const { source, camera, signal } = setUp();
  await camera.start(signal);
  expect(source.captures).toBe(0);
  const seen: string[] = [];
  const first = camera.subscribe(() => seen.push('first'));
  const second = camera.subscribe(() => seen.push('second'));
  expect(source.captures).toBe(1);
  source.deliver(picture);
  first();
  source.deliver(picture);
  expect(seen).toEqual(['first', 'second', 'second']);
  second();
  await settle();
  expect(source.running).toBe(0);
  camera.subscribe(() => undefined);
  expect(source.captures).toBe(2);
  await camera.stop();
  await camera.stop();
  expect(source.running).toBe(0);
});

it('describes the pictures', async () => {
  const { source, camera, signal } = setUp();
  await camera.start(signal);
  camera.subscribe(() => undefined);
  expect(camera.description()).toBeUndefined();
  source.deliver(picture);
  expect(camera.description()).toEqual({
    source: 'manual',
    width: 1280,
    height: 720,
    fps: 15,
    codec: 'h264',
  });
  expect(camera.health()).toEqual({ ok: true, detail: 'manual: last picture 0 ms ago.' });
  await camera.stop();
});

it('starts a failing capture again with growing waits, up to 30 s', async () => {
  const { clock, source, camera, signal } = setUp();
  await camera.start(signal);
  camera.subscribe(() => undefined);
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    source.end(new Error('The camera is gone.'));
    await settle();
    expect(camera.health()).toEqual({ ok: false, detail: 'The camera is gone.' });
    const wait = clock.pending[0] ?? 0;
    waits.push(wait);
    await clock.advance(wait);
  }
  expect(waits.map((wait) => Math.round(wait / 500) * 500)).toEqual([
    500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ]);
  await camera.stop();
});

it('starts a capture anew that has fallen silent', async () => {
  const { clock, source, camera, signal } = setUp();
  await camera.start(signal);
  camera.subscribe(() => undefined);
  await clock.advance(2_900);
  source.deliver(picture);
  await clock.advance(2_900);
  expect(source.captures).toBe(1);
  await clock.advance(200);
  expect(camera.health().detail).toBe(
    'The camera source manual delivered no picture for 3 s; check the camera and its cable or network, and that its H.264 repeats SPS and PPS before keyframes.',
  );
  await clock.advance(500);
  expect(source.captures).toBe(2);
  await camera.stop();
});

it('plays what has ended again at once, if it delivered anything', async () => {
  const { clock, source, camera, signal } = setUp();
  await camera.start(signal);
  camera.subscribe(() => undefined);
  source.deliver(picture);
  source.end();
  await settle();
  expect(source.captures).toBe(2);
  source.end();
  await settle();
  expect(source.captures).toBe(2);
  expect(camera.health().detail).toBe(
    'The camera source manual ended without a picture; check that it delivers H.264 with SPS, PPS and keyframes.',
  );
  await clock.advance(500);
  expect(source.captures).toBe(3);
  await camera.stop();
});

it('changes to another source', async () => {
  const { source, camera, signal } = setUp();
  await camera.start(signal);
  camera.subscribe(() => undefined);
  const other = new ManualSource();
  await camera.use(other);
  expect([source.running, other.running]).toEqual([0, 1]);
  expect(camera.requestKeyframe()).toBe(false);
  await camera.stop();
});
