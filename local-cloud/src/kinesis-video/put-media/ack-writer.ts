import type { ServerResponse } from 'node:http';
import { type IngestErrorId, ingestErrors } from '../mkv/ingest-error.ts';
import type { IncomingFragment } from './fragment-assembler.ts';

export type AckEvent = 'BUFFERING' | 'RECEIVED' | 'PERSISTED';

interface Waiting {
  line: string;
  dueMs: number;
}

/**
 * Acknowledgements on the wire: flat JSON objects, one a line. Delayed ones (a fault) hold up those behind them, so that
 * the order stays.
 */
export class AckWriter {
  readonly #response: ServerResponse;
  /** Producers may ask for none; errors come all the same. */
  readonly #wanted: boolean;
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #drained: (() => void) | undefined;

  constructor(response: ServerResponse, wanted: boolean) {
    this.#response = response;
    this.#wanted = wanted;
  }

  fragment(event: AckEvent, { timecode, number }: IncomingFragment, delayMs: number): void {
    if (!this.#wanted) return;
    this.#write({ EventType: event, FragmentTimecode: timecode, FragmentNumber: number }, delayMs);
  }

  error(errorId: IngestErrorId, fragment: IncomingFragment | undefined): void {
    this.#write({
      EventType: 'ERROR',
      ...(fragment === undefined
        ? {}
        : { FragmentTimecode: fragment.timecode, FragmentNumber: fragment.number }),
      ErrorCode: ingestErrors[errorId],
      ErrorId: errorId,
    });
  }

  idle(fragment: IncomingFragment | undefined): void {
    if (!this.#wanted) return;
    this.#write({
      EventType: 'IDLE',
      ...(fragment === undefined ? {} : { FragmentTimecode: fragment.timecode }),
    });
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    if (this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Drops what waits. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
    this.#drained?.();
  }

  #write(ack: object, delayMs = 0): void {
    const line = `${JSON.stringify(ack)}\n`;
    if (delayMs === 0 && this.#waiting.length === 0) {
      this.#response.write(line);
      return;
    }
    this.#waiting.push({ line, dueMs: Date.now() + delayMs });
    if (this.#waiting.length === 1) this.#schedule();
  }

  #schedule(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#drained?.();
      return;
    }
    this.#timer = setTimeout(
      () => {
        this.#waiting.shift();
        this.#response.write(next.line);
        this.#schedule();
      },
      Math.max(0, next.dueMs - Date.now()),
    );
  }
}
