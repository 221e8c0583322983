import type { Clock } from '../clock.ts';
import { CloudFailure } from '../cloud/iot-registry.ts';
import { Refusal } from '../refusal.ts';
import type { StationRequests } from './station-requests.ts';

/** A station that dies lets go of its list after so long. */
const leaseSeconds = 300;
/** Two attempts to renew may fail before the lease runs out. */
const renewEveryMs = 100_000;

export interface LeasedList {
  batchId: string;
  /** Of the list's content. */
  sha256: string;
}

/**
 * Holds a list of boards while a run is at work on it, so that a second station with the same list is refused at its start
 * instead of making half of it. A backend that is away does not hold up the boards: what two stations make of one board is a
 * conflict at AWS IoT, too.
 */
export class BatchLease {
  readonly #requests: StationRequests;
  readonly #list: LeasedList;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #renewing: Promise<void> = Promise.resolve();

  private constructor(requests: StationRequests, list: LeasedList, clock: Clock) {
    this.#requests = requests;
    this.#list = list;
    this.#clock = clock;
  }

  /** Refuses when another station has the list. `onLost` is called at most once: another station has taken over since. */
  static async acquire(
    requests: StationRequests,
    list: LeasedList,
    clock: Clock,
    onLost: (refusal: Refusal) => void,
  ): Promise<BatchLease> {
    const lease = new BatchLease(requests, list, clock);
    await lease.#ask();
    lease.#renewing = lease.#renew(onLost);
    return lease;
  }

  /** Lets go of the list. Safe to call twice. */
  async release(): Promise<void> {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    await this.#renewing;
    const { batchId, sha256 } = this.#list;
    try {
      await this.#requests.lease({ action: 'release_batch', batch_id: batchId, list_sha256: sha256 });
    } catch {
      // It runs out by itself, and the run has its own reason to end.
    }
  }

  async #renew(onLost: (refusal: Refusal) => void): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(renewEveryMs, signal);
        await this.#ask();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Refusal)) continue;
        onLost(error);
        return;
      }
    }
  }

  async #ask(): Promise<void> {
    const { batchId, sha256 } = this.#list;
    try {
      await this.#requests.lease({
        action: 'lease_batch',
        batch_id: batchId,
        list_sha256: sha256,
        seconds: leaseSeconds,
      });
    } catch (error) {
      if (!(error instanceof CloudFailure)) throw error;
    }
  }
}
