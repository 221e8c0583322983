import type { Clock } from '../host/clock.ts';
import type { Ack } from './ack-parser.ts';
import { decideErrorId, decideHttpError, type ErrorDecision } from './error-decisions.ts';
import type { Fragment, Segment } from './fragment.ts';
import type { FragmentBuffer } from './fragment-buffer.ts';
import { endOfFragment } from './mkv-writer.ts';
import type { Connection, ConnectionEnd, ConnectionListener } from './put-media-connection.ts';

/** How a session ended. What it did not bring home is back in the buffer by then. */
export type SessionEnd =
  /** Everything it sent is persisted. */
  | { kind: 'drained' }
  /** It was dropped by us. */
  | { kind: 'abandoned' }
  | { kind: 'lost'; decision: ErrorDecision; message: string };

export interface UploadSessionOptions {
  buffer: FragmentBuffer;
  clock: Clock;
  /** No expected acknowledgement for so long: the host is taken for dead. */
  ackTimeoutMs: number;
  /** After the end of the body, how long PERSISTED may take. */
  drainTimeoutMs: number;
  /** Media may flow: the service has accepted the connection, or takes its time to. */
  onReady: () => void;
  /** A fragment was received as a whole, so the connection is a good one. */
  onReceived: () => void;
  onPersisted: (fragment: Fragment) => void;
  /** The service will never take this fragment. */
  onRefusedFragment: (fragment: Fragment, decision: ErrorDecision) => void;
  onEnd: (end: SessionEnd) => void;
}

/**
 * The service accepts, or refuses, as soon as it has read the headers. Media waits for that, so that a refusal is
 * heard and costs no uplink, but not longer than this.
 */
const acceptGraceMs = 1_000;
/** A fragment that keeps provoking errors that should pass does not pass. */
const maxFragmentFailures = 4;
const noAcks: ErrorDecision = {
  name: 'NO_ACKNOWLEDGEMENT',
  decision: 'rediscover',
  advice: 'The connection is taken for dead.',
};
const networkDown: ErrorDecision = {
  name: 'CONNECTION_LOST',
  decision: 'rediscover',
  advice: 'The connection is made anew.',
};
const endedByService: ErrorDecision = {
  name: 'ENDED_BY_SERVICE',
  decision: 'resend',
  advice: 'The connection is made anew.',
};

/**
 * Sends fragments of the buffer over one PutMedia connection, picture by picture as they come, and follows each to its
 * PERSISTED. When the connection is lost it gives back what has to be sent again: from a dead host all that is not
 * persisted, from a live one all that it did not receive.
 */
export class UploadSession implements ConnectionListener {
  readonly #options: UploadSessionOptions;
  #connection: Connection | undefined;
  #segment: Segment | undefined;
  /** Begun here and not settled, in order. */
  #sent: Fragment[] = [];
  readonly #buffering = new Set<Fragment>();
  #current: { fragment: Fragment; nextChunk: number } | undefined;
  #lastTimecodeMs = 0;
  #blocked = false;
  #accepted = false;
  #ready = false;
  #flushing = false;
  #finishing = false;
  #bodyEndedAt: number | undefined;
  #expectingSince: number | undefined;
  #bytesWritten = 0;
  #over = false;

  constructor(options: UploadSessionOptions) {
    this.#options = options;
  }

  /** The connection that carries this session; nothing is sent before. */
  attach(connection: Connection): void {
    this.#connection = connection;
    if (this.#over) connection.close();
    this.#options.clock.after(acceptGraceMs, () => this.#open());
  }

  get accepted(): boolean {
    return this.#accepted;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** It takes no further fragment. */
  get finishing(): boolean {
    return this.#finishing;
  }

  /** All that could be sent is with the socket. */
  get idle(): boolean {
    return !this.#blocked;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Sends what there is, as far as the socket takes it. */
  pump(): void {
    if (!this.#ready) return;
    while (!this.#over && !this.#blocked && this.#bodyEndedAt === undefined) {
      this.#current ??= this.#takeNext();
      if (this.#current === undefined) break;
      if (!this.#sendCurrent(this.#current)) break;
    }
    if (this.#finishing && this.#current === undefined) this.#endBody();
    this.#watchForAcks();
  }

  /** Takes no further fragment: after the current one the body ends, and the session when all is persisted. */
  finish(): void {
    this.#finishing = true;
    this.pump();
  }

  /** As `finish`, once nothing waits in the buffer any more. */
  finishWhenEmpty(): void {
    this.#flushing = true;
    this.pump();
  }

  /** Ends at once; what is not persisted goes back into the buffer. */
  abandon(): void {
    this.#end('dead', { kind: 'abandoned' });
  }

  /** To be called about once a second: notices a host that no longer answers. */
  checkTimeouts(): void {
    const now = this.#options.clock.monotonic();
    const { ackTimeoutMs, drainTimeoutMs } = this.#options;
    const silentMs = this.#expectingSince === undefined ? 0 : now - this.#expectingSince;
    if (silentMs >= ackTimeoutMs) {
      const message = `No acknowledgement came for ${Math.round(silentMs / 1_000)} s.`;
      this.#end('dead', { kind: 'lost', decision: noAcks, message });
    } else if (this.#bodyEndedAt !== undefined && now - this.#bodyEndedAt >= drainTimeoutMs) {
      const message = `The last fragments were not persisted within ${drainTimeoutMs / 1_000} s.`;
      this.#end('dead', { kind: 'lost', decision: endedByService, message });
    }
  }

  onAccepted(): void {
    this.#accepted = true;
    this.#open();
  }

  onDrain(): void {
    this.#blocked = false;
    this.#noteProgress();
    this.pump();
  }

  onAck(ack: Ack): void {
    this.#noteProgress();
    if (ack.EventType === 'ERROR') return this.#onErrorAck(ack);
    const fragment = this.#sent.find((sent) => sent.timecodeMs === ack.FragmentTimecode);
    if (fragment === undefined) return;
    this.#buffering.add(fragment);
    if (ack.EventType === 'RECEIVED') this.#onReceived(fragment);
    if (ack.EventType === 'PERSISTED') this.#onPersisted(fragment);
    this.#watchForAcks();
  }

  onEnd(end: ConnectionEnd): void {
    switch (end.kind) {
      case 'refused': {
        const decision = decideHttpError(end.status, end.exception);
        const message = `PutMedia was refused with ${end.status} ${decision.name}. ${decision.advice}`;
        return this.#end('dead', { kind: 'lost', decision, message });
      }
      case 'ended':
        return this.#end('live', { kind: 'lost', decision: endedByService, message: sentence(end.reason) });
      case 'broken':
        return this.#end('dead', {
          kind: 'lost',
          decision: networkDown,
          message: `${sentence(end.reason)} ${networkDown.advice}`,
        });
    }
  }

  #open(): void {
    if (this.#ready || this.#over) return;
    this.#ready = true;
    this.#options.onReady();
    this.pump();
  }

  #takeNext(): { fragment: Fragment; nextChunk: number } | undefined {
    const fragment = this.#finishing ? undefined : this.#options.buffer.nextWaiting();
    if (fragment === undefined) {
      this.#finishing ||= this.#flushing;
      return undefined;
    }
    if (!this.#canCarry(fragment)) {
      // Another track, a time that lies behind, or something to be asked about before: that takes a new connection.
      this.#finishing = true;
      return undefined;
    }
    if (!fragment.resident) {
      this.#options.buffer.load(fragment);
      return undefined;
    }
    if (this.#segment === undefined) this.#write(fragment.segment.header);
    this.#segment = fragment.segment;
    this.#lastTimecodeMs = fragment.timecodeMs;
    fragment.state = 'sending';
    this.#sent.push(fragment);
    this.#options.buffer.loadAhead();
    return { fragment, nextChunk: 0 };
  }

  #canCarry(fragment: Fragment): boolean {
    return (
      !fragment.doubtful &&
      (this.#segment ?? fragment.segment) === fragment.segment &&
      fragment.timecodeMs > this.#lastTimecodeMs
    );
  }

  /** True when the fragment is through and there is room for the next. */
  #sendCurrent(current: { fragment: Fragment; nextChunk: number }): boolean {
    const { fragment } = current;
    while (current.nextChunk < fragment.chunks.length && !this.#blocked) {
      this.#write(fragment.chunks[current.nextChunk] as Buffer);
      current.nextChunk++;
    }
    if (current.nextChunk < fragment.chunks.length || !fragment.closed) return false;
    fragment.state = 'sent';
    this.#current = undefined;
    return true;
  }

  #write(chunk: Buffer): void {
    this.#bytesWritten += chunk.length;
    if (this.#connection?.write(chunk) === false) this.#blocked = true;
  }

  #endBody(): void {
    if (this.#over || this.#bodyEndedAt !== undefined) return;
    if (this.#segment !== undefined) this.#write(endOfFragment());
    this.#bodyEndedAt = this.#options.clock.monotonic();
    this.#connection?.endBody();
    this.#endIfDrained();
  }

  #onReceived(fragment: Fragment): void {
    for (const sent of this.#upTo(fragment)) if (sent.state === 'sent') sent.state = 'received';
    this.#options.onReceived();
  }

  /** The service persists in order: what came before is persisted too. */
  #onPersisted(fragment: Fragment): void {
    const persisted = this.#upTo(fragment).filter((sent) => sent.state !== 'sending');
    this.#sent = this.#sent.filter((sent) => !persisted.includes(sent));
    for (const done of persisted) {
      this.#buffering.delete(done);
      this.#options.buffer.remove(done);
      this.#options.onPersisted(done);
    }
    this.#endIfDrained();
  }

  #onErrorAck(ack: Ack): void {
    const decision = decideErrorId(ack.ErrorId, ack.ErrorCode);
    const named = this.#sent.find((sent) => sent.timecodeMs === ack.FragmentTimecode);
    const culprit = named ?? this.#sent.find((sent) => sent.state !== 'received');
    if (culprit !== undefined) this.#judge(culprit, decision);
    const message = `The service answered ${decision.name}. ${decision.advice}`;
    this.#end('live', { kind: 'lost', decision, message });
  }

  #judge(fragment: Fragment, decision: ErrorDecision): void {
    fragment.failures++;
    if (
      decision.decision === 'stop' ||
      (decision.decision !== 'skip' && fragment.failures < maxFragmentFailures)
    ) {
      // An error after RECEIVED means that it is not safe with the service after all.
      if (fragment.state === 'received') fragment.state = 'sent';
      return;
    }
    this.#sent = this.#sent.filter((sent) => sent !== fragment);
    // While it is being captured the rest of it is of no use either.
    fragment.close();
    this.#options.buffer.remove(fragment);
    this.#options.onRefusedFragment(fragment, decision);
  }

  #upTo(fragment: Fragment): Fragment[] {
    return this.#sent.slice(0, this.#sent.indexOf(fragment) + 1);
  }

  #endIfDrained(): void {
    if (this.#bodyEndedAt !== undefined && this.#sent.length === 0) this.#end('live', { kind: 'drained' });
  }

  /** The clock of patience runs from the moment at which an acknowledgement is due, or the last sign of life. */
  #watchForAcks(): void {
    if (!this.#expectsAck()) this.#expectingSince = undefined;
    else this.#expectingSince ??= this.#options.clock.monotonic();
  }

  #noteProgress(): void {
    if (this.#expectingSince !== undefined) this.#expectingSince = this.#options.clock.monotonic();
  }

  /** BUFFERING is due for what was begun; RECEIVED for what the next fragment, or the end, has closed. */
  #expectsAck(): boolean {
    return this.#sent.some((sent, index) => {
      if (!this.#buffering.has(sent)) return true;
      const closed = index < this.#sent.length - 1 || this.#bodyEndedAt !== undefined;
      return closed && sent.state === 'sent';
    });
  }

  #end(host: 'dead' | 'live', end: SessionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#finishing = true;
    this.#connection?.close();
    const { buffer } = this.#options;
    for (const fragment of this.#sent) {
      if (host === 'live' && fragment.state === 'received') {
        buffer.remove(fragment);
        continue;
      }
      fragment.doubtful = host === 'dead' && fragment.state !== 'sending';
      buffer.sendAgain(fragment);
    }
    this.#sent = [];
    this.#current = undefined;
    this.#options.onEnd(end);
  }
}

function sentence(reason: string): string {
  const text = reason.charAt(0).toUpperCase() + reason.slice(1);
  return text.endsWith('.') ? text : `${text}.`;
}
