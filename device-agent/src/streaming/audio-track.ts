import type { AudioFormat, AudioFrame } from '../camera/audio-frame.ts';
import type { Fragment } from './fragment.ts';
import { audioBlock } from './mkv-writer.ts';

/** Sound that has not come for so long does not come any more: the next fragment begins a connection without it. */
const goneAfterMs = 2_000;
/** Sound is some tens of milliseconds behind the pictures; what is further away is from before a clock was set. */
const maxDistanceMs = 2_000;

/** A frame of AAC-LC without sound, for one channel and for two, at any sampling rate. */
const silence = [Buffer.from('00c800802380', 'hex'), Buffer.from('210049900219002380', 'hex')];

/**
 * The sound of the fragments. A connection that has declared a track for it must bring at least one frame in each fragment
 * (error 4011), so a fragment in which none came gets one of silence.
 */
export class AudioTrack {
  #latest: AudioFrame | undefined;
  #inFragment: Fragment | undefined;
  #lastTimecodeMs = 0;

  /** What a fragment that begins then must declare; undefined when there is no sound. */
  formatAt(timestampMs: number): AudioFormat | undefined {
    if (this.#latest === undefined) return undefined;
    return Math.abs(timestampMs - this.#latest.timestampMs) < goneAfterMs ? this.#latest.format : undefined;
  }

  /** Puts the frame into the fragment, if that has this track. */
  push(frame: AudioFrame, fragment: Fragment | undefined, declared: AudioFormat | undefined): void {
    this.#latest = frame;
    if (fragment === undefined || declared === undefined || !sameFormat(declared, frame.format)) return;
    if (Math.abs(frame.timestampMs - fragment.lastTimecodeMs) > maxDistanceMs) return;
    // A fragment may hold nothing that is earlier than its beginning (error 4004).
    const earliest = Math.max(fragment.timecodeMs, this.#lastTimecodeMs + 1);
    this.#append(fragment, frame.data, Math.max(Math.round(frame.timestampMs), earliest));
  }

  /** The fragment ends. */
  complete(fragment: Fragment, declared: AudioFormat | undefined): void {
    if (declared === undefined || this.#inFragment === fragment) return;
    const silent = silence[declared.channels - 1];
    if (silent !== undefined) this.#append(fragment, silent, fragment.lastTimecodeMs);
  }

  /** Time has been set back: what follows is on a new connection. */
  reset(): void {
    this.#lastTimecodeMs = 0;
  }

  #append(fragment: Fragment, data: Buffer, timecodeMs: number): void {
    fragment.append(audioBlock(data, timecodeMs - fragment.timecodeMs), timecodeMs);
    this.#inFragment = fragment;
    this.#lastTimecodeMs = timecodeMs;
  }
}

export function sameFormat(a: AudioFormat | undefined, b: AudioFormat | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.codecPrivate.equals(b.codecPrivate));
}
