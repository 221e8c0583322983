import { reportedStateSchema } from '@aovis/contracts/shadow';
import { telemetryBatchSchema } from '@aovis/contracts/telemetry';
import { expect, it } from '@jest/globals';
import { monotonicFactory } from 'ulid';
import { createLogger } from '../host/logger.ts';
import { Machine } from '../host/machine.ts';
import { OutboundQueue } from '../queue/outbound-queue.ts';
import { SimulatedDisk } from '../queue/testing/simulated-disk.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { until } from '../testing/until.ts';
import { BoardReport } from './board-report.ts';

it('tells the cloud what the queue had to drop, and that a disk is full', async () => {
  const clock = new FakeClock();
  const disk = new SimulatedDisk();
  const queue = new OutboundQueue({
    directory: '/outbox',
    clock,
    logger: createLogger({ level: 'silent' }),
    fileSystem: disk,
    limits: { maxMessages: 2 },
  });
  const report = new BoardReport({
    clock,
    machine: new Machine(clock),
    camera: { description: () => undefined },
    streaming: {
      status: () => ({
        state: 'waiting',
        bitrate_bps: 0,
        fragment_ms: 0,
        dropped_fragments: 0,
        bufferedFragments: 0,
        bufferedBytes: 0,
        diskBytes: 0,
      }),
    },
    queue,
    model: 'n4k',
    firmware: '1',
    agentVersion: '1',
    bootId: monotonicFactory()(clock.now()),
    freeBytes: () => 0,
    binding: () => ({ claimable: false, ownership: undefined, windowClosesAt: undefined }),
  });
  await queue.open();
  for (const messageClass of ['telemetry', 'telemetry', 'event'] as const)
    void queue.add({ class: messageClass, topic: 't', payload: '{}' });
  disk.readOnly = true;
  void queue.add({ class: 'event', topic: 't', payload: '{}' });
  void queue.add({ class: 'event', topic: 't', payload: '{}' });
  await until(() => queue.diskFailure !== undefined);

  expect(reportedStateSchema.parse(report.reportedState()).storage).toMatchObject({
    queue: 'memory',
    dropped_events: 1,
    dropped_telemetry: 2,
  });
  const at = clock.now();
  const samples = report.measurements().map((measurement) => ({ ...measurement, at }));
  const batch = telemetryBatchSchema.parse({ event_id: monotonicFactory()(at), samples });
  expect(batch.samples).toContainEqual({ metric: 'dropped_messages', value: 3, unit: 'count', at });
  await queue.close();
});
