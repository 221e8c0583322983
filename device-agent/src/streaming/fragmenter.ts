import { type AccessUnit, type ParameterSets, sameParameterSets } from '../camera/access-unit.ts';
import type { AudioFormat, AudioFrame } from '../camera/audio-frame.ts';
import { findPictureFormat } from '../camera/sps.ts';
import { AudioTrack, sameFormat } from './audio-track.ts';
import { avcConfiguration } from './avc-configuration.ts';
import { Fragment, type Segment } from './fragment.ts';
import { clusterHeader, type FragmentTag, segmentHeader, simpleBlock, tagsElement } from './mkv-writer.ts';

export interface FragmenterOptions {
  /** Called when a fragment begins; its pictures follow one by one. */
  onFragment: (fragment: Fragment) => void;
  /** 16 random bytes, the SegmentUID. */
  randomBytes: (bytes: number) => Buffer;
  /** Tags of the fragment that begins now. */
  tagsOf?: () => readonly FragmentTag[];
  /** A keyframe sooner than this after the last fragment's start does not begin another. */
  minFragmentMs?: number;
  /** A fragment that reaches this length without a keyframe is cut. */
  maxFragmentMs?: number;
  maxFragmentBytes?: number;
}

/** The service's minimum is 1 s; an encoder that keeps to 1 s may deliver a keyframe somewhat early. */
const defaultMinFragmentMs = 800;
/** The service refuses more than 20 s (error 4002); nobody wants to wait that long for a picture. */
const defaultMaxFragmentMs = 10_000;
/** The service takes 50 MB (error 4001), a board's memory less. */
const defaultMaxFragmentBytes = 8 * 1024 * 1024;
/** Disorder up to this is jitter, beyond it somebody has set the clock. */
const maxDisorderMs = 500;

/**
 * Turns pictures into fragments: one group of pictures each, beginning with a keyframe, with strictly rising
 * timecodes (else the service answers 4004). What cannot be in a fragment is left out and counted, and `problem` says
 * why and what to do.
 */
export class Fragmenter {
  readonly #options: FragmenterOptions;
  readonly #audio = new AudioTrack();
  #segment: (Segment & { sets: ParameterSets; audio: AudioFormat | undefined }) | undefined;
  #fragment: Fragment | undefined;
  /** Of pictures. */
  #lastTimecodeMs = 0;
  /** Of sound too. */
  #latestMs = 0;
  #leftOut = 0;
  #problem: string | undefined;

  constructor(options: FragmenterOptions) {
    this.#options = options;
  }

  /** Pictures that are in no fragment. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Why pictures are left out; undefined while all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  push(accessUnit: AccessUnit): void {
    if (accessUnit.bidirectional) {
      this.#leaveOut(
        'The camera sends B pictures, which Kinesis Video Streams does not take; they are left out. Switch them off in the camera (baseline profile, or bframes=0).',
      );
      return;
    }
    if (this.#steppedBack(accessUnit) || this.#leaptAhead(accessUnit)) this.close();
    if (accessUnit.keyframe && this.#mayBegin(accessUnit)) this.#begin(accessUnit);
    if (this.#fragment === undefined) this.#leaveOut();
    else this.#append(this.#fragment, accessUnit);
  }

  /** A frame of sound; it goes into the fragment under way. Sound that begins or ends does so with the next fragment. */
  pushAudio(frame: AudioFrame): void {
    const declared = this.#segment?.audio;
    this.#audio.push(frame, this.#fragment, declared);
    this.#noteTime();
  }

  /** Ends the current fragment; the next one begins with the next keyframe. */
  close(): void {
    const fragment = this.#fragment;
    this.#fragment = undefined;
    if (fragment === undefined) return;
    this.#audio.complete(fragment, this.#segment?.audio);
    fragment.close();
  }

  /** The next fragment begins after everything in this one. */
  #noteTime(): void {
    this.#latestMs = Math.max(this.#latestMs, this.#fragment?.lastTimecodeMs ?? 0);
  }

  #steppedBack({ timestampMs }: AccessUnit): boolean {
    return this.#segment !== undefined && timestampMs < this.#lastTimecodeMs - maxDisorderMs;
  }

  /** The clock was set, or the camera paused: no fragment may span that. */
  #leaptAhead({ timestampMs }: AccessUnit): boolean {
    return timestampMs > this.#lastTimecodeMs + (this.#options.maxFragmentMs ?? defaultMaxFragmentMs);
  }

  #mayBegin({ timestampMs, parameterSets }: AccessUnit): boolean {
    if (this.#fragment === undefined || !this.#sameTrack(parameterSets)) return true;
    return timestampMs - this.#fragment.timecodeMs >= (this.#options.minFragmentMs ?? defaultMinFragmentMs);
  }

  #sameTrack(sets: ParameterSets): boolean {
    return this.#segment !== undefined && sameParameterSets(this.#segment.sets, sets);
  }

  #begin(accessUnit: AccessUnit): void {
    this.close();
    const segment = this.#segmentFor(accessUnit);
    if (segment === undefined) return;
    const timecodeMs = Math.max(this.#nextTimecode(accessUnit), this.#latestMs + 1);
    this.#fragment = new Fragment(segment, timecodeMs);
    this.#problem = undefined;
  }

  /** A new segment where the track changes, or where time was set back and would run backwards in the old one. */
  #segmentFor(accessUnit: AccessUnit): Segment | undefined {
    const { parameterSets: sets } = accessUnit;
    const audio = this.#audio.formatAt(accessUnit.timestampMs);
    const sameTracks = this.#sameTrack(sets) && sameFormat(this.#segment?.audio, audio);
    if (sameTracks && !this.#steppedBack(accessUnit)) return this.#segment;
    const picture = findPictureFormat(sets);
    const codecPrivate = avcConfiguration(sets);
    if (picture === undefined || codecPrivate === undefined) {
      this.#problem = 'The camera sends a damaged sequence parameter set; restart the camera or its encoder.';
      return undefined;
    }
    if (this.#steppedBack(accessUnit)) {
      this.#lastTimecodeMs = 0;
      this.#latestMs = 0;
      this.#audio.reset();
    }
    const header = segmentHeader({ ...picture, codecPrivate }, this.#options.randomBytes(16), audio);
    this.#segment = { header, sets, audio };
    return this.#segment;
  }

  #nextTimecode({ timestampMs }: AccessUnit): number {
    return Math.max(Math.round(timestampMs), this.#lastTimecodeMs + 1);
  }

  #append(fragment: Fragment, accessUnit: AccessUnit): void {
    const timecodeMs = this.#nextTimecode(accessUnit);
    const relativeMs = timecodeMs - fragment.timecodeMs;
    const first = fragment.chunks.length === 0;
    if (!first && this.#tooLong(fragment, relativeMs)) return;
    const block = simpleBlock(accessUnit.nalUnits, first ? 0 : relativeMs, accessUnit.keyframe);
    const at = first ? fragment.timecodeMs : timecodeMs;
    fragment.append(first ? Buffer.concat([clusterHeader(at), block]) : block, at);
    this.#lastTimecodeMs = at;
    this.#noteTime();
    if (!first) return;
    const tags = this.#options.tagsOf?.() ?? [];
    if (tags.length > 0) fragment.tag(tagsElement(tags));
    this.#options.onFragment(fragment);
  }

  #tooLong(fragment: Fragment, relativeMs: number): boolean {
    const { maxFragmentMs = defaultMaxFragmentMs, maxFragmentBytes = defaultMaxFragmentBytes } =
      this.#options;
    if (relativeMs <= maxFragmentMs && fragment.bytes <= maxFragmentBytes) return false;
    this.close();
    this.#leaveOut(
      `The camera sends no keyframe within ${maxFragmentMs / 1_000} s; what follows is left out until one comes. Set its keyframe interval to 1 or 2 s.`,
    );
    return true;
  }

  #leaveOut(problem?: string): void {
    this.#leftOut++;
    this.#problem = problem ?? this.#problem;
  }
}
