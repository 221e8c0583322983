import type { Benchmark } from './benchmark.ts';
import { issuance } from './p1-issuance.ts';
import { offlineBatch } from './p2-offline-batch.ts';
import { batch } from './p3-batch.ts';
import { hotPaths } from './p4-hot-paths.ts';
import { instances } from './p5-instances.ts';
import { streaming } from './p6-streaming.ts';
import { liveView } from './p7-live-view.ts';
import { recording } from './p7-recording.ts';
import { outage } from './p8-outages.ts';
import { firstRun } from './p11-first-run.ts';
import { toolStart } from './tool-start.ts';

/** Every benchmark, in the order of docs/benchmarks.md. */
export const benchmarks: readonly Benchmark[] = [
  issuance,
  offlineBatch,
  batch,
  hotPaths,
  instances,
  streaming,
  recording,
  liveView,
  outage,
  firstRun,
  toolStart,
];
