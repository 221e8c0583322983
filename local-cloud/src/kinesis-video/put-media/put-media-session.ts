import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Clock } from '../../kernel/clock.ts';
import { IngestError, type IngestErrorId } from '../mkv/ingest-error.ts';
import { MkvParser } from '../mkv/mkv-parser.ts';
import type { StreamRecord } from '../state.ts';
import type { StreamMedia } from '../stream-media.ts';
import { AckWriter } from './ack-writer.ts';
import { FragmentAssembler, type IncomingFragment, type ReceivedFragment } from './fragment-assembler.ts';
import type { Cut, FragmentFault, SessionFaults } from './session-faults.ts';

/** Times of a PutMedia connection, in milliseconds. */
export interface SessionLimits {
  /** Between two IDLE acknowledgements while nothing comes. */
  idleEveryMs: number;
  /** Without data for this long, the service ends the request. */
  idleEndMs: number;
  /** A connection may last 45 minutes. */
  maxAgeMs: number;
  /** For the producer to see an ended response and close, before its connection is cut. */
  lingerMs: number;
}

export const defaultSessionLimits: SessionLimits = {
  idleEveryMs: 5_000,
  idleEndMs: 30_000,
  maxAgeMs: 45 * 60_000,
  lingerMs: 2_000,
};

/** Media waiting for the disk; beyond it the connection is not read. */
const maxUnwrittenBytes = 64 * 1024 * 1024;

/** Errors that say nothing about one fragment come without its timecode and number. */
const ofConnection: ReadonlySet<IngestErrorId> = new Set([4003, 4006, 4008, 4012, 5000]);

export interface SessionOptions {
  stream: StreamRecord;
  /** Whether data is retained now: the retention may change while the connection lasts. */
  retains: () => boolean;
  media: StreamMedia;
  request: IncomingMessage;
  response: ServerResponse;
  relativeToMs: number | undefined;
  acksWanted: boolean;
  limits: SessionLimits;
  clock: Clock;
  faults: SessionFaults;
  log: Logger;
}

/** For the status page. */
export interface SessionStatus {
  openedMs: number;
  bytes: number;
  fragmentsReceived: number;
  fragmentsPersisted: number;
  unwrittenBytes: number;
}

/** One PutMedia request: media in, acknowledgements out, at the same time. */
export class PutMediaSession {
  readonly #options: SessionOptions;
  readonly #acks: AckWriter;
  readonly #assembler: FragmentAssembler;
  readonly #parser: MkvParser;
  readonly #cut: Cut | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #fragmentFaults = new Map<string, FragmentFault>();
  readonly #pending = new Set<Promise<void>>();
  readonly #status: SessionStatus;
  #last: IncomingFragment | undefined;
  #lastDataAt = Date.now();
  #ended = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#acks = new AckWriter(options.response, options.acksWanted);
    this.#cut = options.faults.takeCut();
    this.#status = {
      openedMs: options.clock.now(),
      bytes: 0,
      fragmentsReceived: 0,
      fragmentsPersisted: 0,
      unwrittenBytes: 0,
    };
    this.#assembler = new FragmentAssembler({
      relativeToMs: options.relativeToMs,
      now: () => options.clock.now(),
      takeNumber: (serverMs) => options.media.takeNumber(serverMs),
      onStart: (fragment) => this.#onStart(fragment),
      onReceived: (fragment) => this.#onReceived(fragment),
    });
    this.#parser = new MkvParser(this.#assembler);
  }

  get status(): SessionStatus {
    return { ...this.#status };
  }

  /** Whether it still counts against the limit of connections. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Answers 200 and serves the connection; resolves when it is closed and its fragments are written. */
  async run(): Promise<void> {
    const { request, response, limits } = this.#options;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    this.#timers.push(
      setInterval(() => this.#onQuiet(), limits.idleEveryMs),
      setTimeout(() => this.#fail(4003, 'the connection is 45 minutes old'), limits.maxAgeMs),
    );
    request.on('data', (chunk: Buffer) => this.#onData(chunk));
    request.on('end', () => this.#onEnd());
    // The connection broke: `close` follows.
    request.on('error', () => undefined);
    await Promise.all(
      [request, response].map(
        (side) =>
          new Promise<void>((resolve) => {
            side.once('close', resolve);
          }),
      ),
    );
    this.#close();
    clearTimeout(this.#linger);
    await Promise.all(this.#pending);
  }

  /** Ends the response, with an ERROR acknowledgement if an id is given; fragments that are whole are still written. */
  end(errorId?: IngestErrorId): void {
    if (this.#ended) return;
    const { request, response, limits } = this.#options;
    if (errorId !== undefined)
      this.#acks.error(errorId, ofConnection.has(errorId) ? undefined : this.#assembler.open);
    this.#close();
    response.end();
    // Cut at once, the connection could lose the last acknowledgement on its way to a producer that still sends.
    this.#linger = setTimeout(() => request.destroy(), limits.lingerMs);
  }

  #close(): void {
    this.#ended = true;
    this.#acks.close();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #fail(errorId: IngestErrorId, why: string): void {
    if (this.#ended) return;
    this.#options.log.info(
      { stream: this.#options.stream.name, errorId, why },
      'PutMedia ends with an error',
    );
    this.end(errorId);
  }

  #onData(chunk: Buffer): void {
    if (this.#ended) return;
    this.#lastDataAt = Date.now();
    this.#status.bytes += chunk.length;
    this.#parse(() => this.#parser.push(chunk));
    if (this.#cut !== undefined && this.#status.bytes >= this.#cut.afterBytes) this.#sever();
    if (this.#status.unwrittenBytes > maxUnwrittenBytes) this.#options.request.pause();
  }

  #onEnd(): void {
    if (this.#ended) return;
    this.#parse(() => this.#parser.end());
    void this.#finish();
  }

  #parse(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof IngestError) return this.#fail(error.errorId, error.message);
      this.#options.log.error({ err: error }, 'PutMedia failed');
      this.#fail(5000, 'internal error');
    }
  }

  /** The body is whole: the last acknowledgements, then the end of the response. */
  async #finish(): Promise<void> {
    await Promise.all(this.#pending);
    await this.#acks.drain();
    if (this.#ended) return;
    this.#close();
    this.#options.response.end();
  }

  #onStart(fragment: IncomingFragment): void {
    if (this.#cut !== undefined && this.#status.fragmentsReceived >= this.#cut.afterFragments)
      return this.#sever();
    const fault = this.#options.faults.takeFragment();
    this.#fragmentFaults.set(fragment.number, fault);
    this.#last = fragment;
    this.#acks.fragment('BUFFERING', fragment, fault.delayMs);
    if (fault.errorId !== undefined) throw new IngestError(fault.errorId, 'injected fault');
  }

  #onReceived(fragment: ReceivedFragment): void {
    if (this.#ended) return;
    const fault = this.#fragmentFaults.get(fragment.number) ?? { delayMs: 0, withholdPersisted: false };
    this.#fragmentFaults.delete(fragment.number);
    this.#status.fragmentsReceived += 1;
    this.#acks.fragment('RECEIVED', fragment, fault.delayMs);
    const persisting = this.#persist(fragment, fault).finally(() => this.#pending.delete(persisting));
    this.#pending.add(persisting);
  }

  async #persist(fragment: ReceivedFragment, fault: FragmentFault): Promise<void> {
    const { media, request, retains } = this.#options;
    const { number, producerMs, serverMs, lengthMs, frames, tracksId } = fragment;
    const sizeBytes = fragment.media.header.length + fragment.media.cluster.length;
    const retained = retains();
    this.#status.unwrittenBytes += sizeBytes;
    try {
      const description = { number, producerMs, serverMs, lengthMs, frames, tracksId, sizeBytes };
      await media.append(description, fragment.media, retained);
      if (!retained) return;
      this.#status.fragmentsPersisted += 1;
      if (!this.#ended && !fault.withholdPersisted) this.#acks.fragment('PERSISTED', fragment, fault.delayMs);
    } catch (error) {
      this.#options.log.warn(
        { err: error, stream: this.#options.stream.name },
        'a fragment could not be stored',
      );
      if (!this.#ended) {
        this.#acks.error(5001, fragment);
        this.end();
      }
    } finally {
      this.#status.unwrittenBytes -= sizeBytes;
      if (request.isPaused()) request.resume();
    }
  }

  #onQuiet(): void {
    const quietMs = Date.now() - this.#lastDataAt;
    if (quietMs >= this.#options.limits.idleEndMs) this.end();
    else if (quietMs >= this.#options.limits.idleEveryMs) this.#acks.idle(this.#last);
  }

  /** The fault `cut-media`: the connection breaks without a word. */
  #sever(): void {
    this.#close();
    this.#options.request.socket.resetAndDestroy();
  }
}
