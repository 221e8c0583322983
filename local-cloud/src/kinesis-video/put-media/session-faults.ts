import { z } from 'zod';
import type { FaultEffect, Faults } from '../../kernel/faults.ts';
import { type IngestErrorId, ingestErrors, isIngestErrorId } from '../mkv/ingest-error.ts';

/** When to cut a connection; whichever comes first. */
export interface Cut {
  afterFragments: number;
  afterBytes: number;
}

/** What happens to one fragment. */
export interface FragmentFault {
  errorId?: IngestErrorId;
  delayMs: number;
  withholdPersisted: boolean;
}

const cutSchema = z.strictObject({
  afterFragments: z.int().min(0).default(Number.MAX_SAFE_INTEGER),
  afterBytes: z.int().min(0).default(Number.MAX_SAFE_INTEGER),
});
const errorSchema = z.strictObject({
  errorId: z.number().refine(isIngestErrorId, `errorId is one of ${Object.keys(ingestErrors).join(', ')}`),
});
const delaySchema = z.strictObject({ ms: z.int().min(1).max(600_000) });

/**
 * The service's own faults. Those of a connection are asked for under the operation `PutMediaSession` when it begins,
 * those of a fragment under `PutMediaFragment` when it begins, so that `times` counts connections or fragments.
 */
export class SessionFaults {
  readonly #faults: Faults;
  readonly #streamName: string;

  constructor(faults: Faults, streamName: string) {
    this.#faults = faults;
    this.#streamName = streamName;
  }

  takeCut(): Cut | undefined {
    const effect = this.#take('PutMediaSession');
    return effect?.kind === 'custom' && effect.name === 'cut-media'
      ? cutSchema.parse(effect.value ?? {})
      : undefined;
  }

  takeFragment(): FragmentFault {
    const fault: FragmentFault = { delayMs: 0, withholdPersisted: false };
    const effect = this.#take('PutMediaFragment');
    if (effect?.kind === 'delay') fault.delayMs = effect.ms;
    if (effect?.kind !== 'custom') return fault;
    if (effect.name === 'error-ack') fault.errorId = errorSchema.parse(effect.value).errorId;
    if (effect.name === 'delay-ack') fault.delayMs = delaySchema.parse(effect.value).ms;
    if (effect.name === 'withhold-persisted') fault.withholdPersisted = true;
    return fault;
  }

  #take(operation: string): FaultEffect | undefined {
    return this.#faults.take('kinesis-video', operation, this.#streamName);
  }
}
