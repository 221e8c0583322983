import { join } from 'node:path';
import type { Benchmark, BenchmarkContext, Figure } from './benchmark.ts';
import { buildForBoards } from './board-agent.ts';
import { makeClip, streamFile } from './clip.ts';
import { type OutageKind, StreamUnderTest } from './stream-under-test.ts';

const outageSeconds = [1, 3, 10, 30, 60];
const storms = [
  { status: 400, exception: 'ClientLimitExceededException' },
  { status: 500, exception: 'InternalFailure' },
  { status: 503, exception: 'ServiceUnavailable' },
];
const stormSeconds = 15;
/** PutMedia calls a second and stream (Developer Guide, "Limits"). */
const quotaPerSecond = 5;
const flowsWithinMs = 2_000;

/** Uplinks that carry something: a tenth of what the camera delivers, a satellite's delay, a bad radio cell. */
const degradations = [
  { name: '10 % of the bitrate', conditions: { bitsPerSecond: 200_000 } },
  { name: '500 ms round trip', conditions: { roundTripMs: 500 } },
  { name: '5 % loss at 100 ms round trip', conditions: { lossRate: 0.05, roundTripMs: 100 } },
];
const degradedSeconds = 30;

interface Prepared extends BenchmarkContext {
  program: string;
  clip: string;
}

/** One stream through all lengths of one kind of outage. */
async function outages(context: Prepared, kind: OutageKind): Promise<Figure[]> {
  const stream = await StreamUnderTest.start({ ...context, disk: join(context.directory, kind) });
  const backAfterMs: number[] = [];
  for (const seconds of context.short ? [1, 3] : outageSeconds) {
    await stream.untilCaughtUp();
    backAfterMs.push(await stream.suffer(kind, seconds));
    context.log(`${kind} for ${seconds} s: media after ${Math.round(backAfterMs.at(-1) ?? 0)} ms`);
  }
  return [...(await wholeness(stream, `uplink ${kind}`)), backFigure(`uplink ${kind}`, backAfterMs)];
}

/** One stream that is refused for a while, again and again. */
async function refusals(context: Prepared): Promise<Figure[]> {
  const stream = await StreamUnderTest.start({ ...context, disk: join(context.directory, 'storm') });
  const backAfterMs: number[] = [];
  for (const storm of storms) {
    await stream.untilCaughtUp();
    backAfterMs.push(await stream.sufferRefusals(storm, context.short ? 2 : stormSeconds));
    context.log(`HTTP ${storm.status} storm: media after ${Math.round(backAfterMs.at(-1) ?? 0)} ms`);
  }
  return [...(await wholeness(stream, '400 and 5xx storms')), backFigure('400 and 5xx storms', backAfterMs)];
}

/** One stream over uplinks that are bad, one after the other, and good again in between. */
async function degradedUplinks(context: Prepared): Promise<Figure[]> {
  const stream = await StreamUnderTest.start({ ...context, disk: join(context.directory, 'degraded') });
  const figures: Figure[] = [];
  for (const { name, conditions } of degradations) {
    await stream.untilCaughtUp();
    await stream.endure(conditions, context.short ? 3 : degradedSeconds);
    const goodAgainAt = performance.now();
    await stream.untilCaughtUp();
    const value = performance.now() - goodAgainAt;
    context.log(`${name}: caught up after ${Math.round(value)} ms`);
    figures.push({ name: `${name} for ${degradedSeconds} s: caught up after`, value, unit: 'ms' });
  }
  return [...figures, ...(await wholeness(stream, 'degraded uplinks'))];
}

function backFigure(name: string, backAfterMs: readonly number[]): Figure {
  const worst = Math.max(...backAfterMs);
  return {
    name: `${name}: return → media flows, the worst`,
    value: worst,
    unit: 'ms',
    bar: { text: `< ${flowsWithinMs} ms`, met: worst < flowsWithinMs },
  };
}

async function wholeness(stream: StreamUnderTest, name: string): Promise<Figure[]> {
  const { captured, missing, twice, mostConnectionsPerSecond, mostCallsPerSecond, peakRssMiB } =
    await stream.end();
  return [
    {
      name: `${name}: fragments not PERSISTED`,
      value: missing,
      unit: `of ${captured}`,
      bar: { text: 'none', met: missing === 0 },
    },
    {
      name: `${name}: PERSISTED twice`,
      value: twice,
      unit: '',
      bar: { text: 'none', met: twice === 0 },
    },
    {
      name: `${name}: connections in a second, at most`,
      value: mostConnectionsPerSecond,
      unit: '/s',
    },
    {
      name: `${name}: PutMedia calls in a second, at most`,
      value: mostCallsPerSecond,
      unit: '/s',
      bar: { text: `≤ ${quotaPerSecond}`, met: mostCallsPerSecond <= quotaPerSecond },
    },
    { name: `${name}: peak memory of the streaming parts`, value: peakRssMiB, unit: 'MiB' },
  ];
}

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const clip = join(context.directory, '720p30.h264');
  await makeClip(clip, 60);
  const prepared = { ...context, clip, program: await buildForBoards(streamFile, context.directory) };
  const figures = await Promise.all([
    outages(prepared, 'silent'),
    outages(prepared, 'refused'),
    refusals(prepared),
    degradedUplinks(prepared),
  ]);
  return figures.flat();
}

export const outage: Benchmark = {
  id: 'p8',
  what: 'the uplink of a stream is down for 1, 3, 10, 30 and 60 s, or the service refuses',
  needs: ['ffmpeg'],
  run,
};
