import { z } from 'zod';
import type { FaultEffect, Faults } from '../../kernel/faults.ts';
import type { Peer } from './peer.ts';

const laterSchema = z.strictObject({ afterMs: z.int().min(0).default(0) });
const goAwaySchema = laterSchema.extend({ graceMs: z.int().min(0).optional() });

/**
 * The relay's own faults. Those of a connection are asked for under the operation `SignalingSession` when it begins,
 * those of a message under `SignalingMessage`, so that `times` counts connections or messages.
 */
export class RelayFaults {
  readonly #faults: Faults;
  readonly #channelName: string;

  constructor(faults: Faults, channelName: string) {
    this.#faults = faults;
    this.#channelName = channelName;
  }

  onConnect(peer: Peer): void {
    const effect = this.#take('SignalingSession');
    if (effect?.kind === 'drop') peer.cut();
    if (effect?.kind !== 'custom') return;
    if (effect.name === 'go-away') {
      const { afterMs, graceMs } = goAwaySchema.parse(effect.value ?? {});
      peer.after(afterMs, () => peer.goAway(graceMs));
    }
    if (effect.name === 'reconnect-ice-server')
      peer.after(laterSchema.parse(effect.value ?? {}).afterMs, () => peer.reconnectIceServer());
    if (effect.name === 'cut') peer.after(laterSchema.parse(effect.value ?? {}).afterMs, () => peer.cut());
  }

  takeMessage(): FaultEffect | undefined {
    return this.#take('SignalingMessage');
  }

  #take(operation: string): FaultEffect | undefined {
    return this.#faults.take('kinesis-signaling', operation, this.#channelName);
  }
}
