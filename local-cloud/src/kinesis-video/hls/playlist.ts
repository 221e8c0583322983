import type { Fragment } from '../fragment.ts';
import { compareFragmentNumbers } from '../fragment-number.ts';
import { type StreamMedia, timeOf, withoutDuplicates } from '../stream-media.ts';
import type { HlsSession } from './hls-session.ts';

/** A fragment in a media playlist. */
export interface PlaylistItem {
  fragment: Fragment;
  /** Media sequence number, from 1. */
  sequence: number;
  /** The player must start its timeline anew before it. */
  discontinuity: boolean;
  /** Sequence number of the item whose initialization it uses. */
  mapSequence: number;
}

/** Fragments whose ends and starts are further apart than this are not continuous (DiscontinuityMode). */
const gapMs = 50;

/**
 * What a session shows at the moment. A LIVE playlist only grows at its end: a fragment that is older than the newest one
 * shown is never filled in (GetHLSStreamingSessionURL, "PlaybackMode").
 */
export class Playlist {
  readonly #session: HlsSession;
  readonly #items: PlaylistItem[] = [];
  /** Number of the fragment that brought an initialization, by its sequence. */
  readonly #maps = new Map<number, string>();
  #last: PlaylistItem | undefined;
  #nextOrdinal: number;
  /** Discontinuities that have left the window. */
  discontinuitySequence = 0;
  /** Whole seconds; no item is longer when it is rounded to them. */
  targetSeconds = 1;
  /** Nothing will be added. */
  ended = false;

  constructor(session: HlsSession) {
    this.#session = session;
    this.#nextOrdinal = session.fromOrdinal;
  }

  get items(): readonly PlaylistItem[] {
    return this.#items;
  }

  /** The fragment whose header initializes the items of that map. */
  mapFragment(mapSequence: number): string | undefined {
    return this.#maps.get(mapSequence);
  }

  update(media: StreamMedia, nowMs: number): void {
    switch (this.#session.mode) {
      case 'LIVE':
        return this.#updateLive(media);
      case 'ON_DEMAND':
        return this.#updateOnDemand(media);
      case 'LIVE_REPLAY':
        return this.#updateReplay(media, nowMs);
    }
  }

  #updateLive(media: StreamMedia): void {
    for (const fragment of media.since(this.#nextOrdinal)) {
      this.#nextOrdinal = fragment.ordinal + 1;
      if (this.#isLater(fragment)) this.#add(fragment);
    }
    this.#trim();
  }

  /** The same for every request, but for what retention takes away. */
  #updateOnDemand(media: StreamMedia): void {
    if (this.ended) return;
    for (const fragment of this.#inRange(media).slice(0, this.#session.maxFragments)) this.#add(fragment);
    this.ended = true;
  }

  /** After the first window each fragment comes when its own time has elapsed since the session began. */
  #updateReplay(media: StreamMedia, nowMs: number): void {
    const { maxFragments, createdMs, endMs } = this.#session;
    const fragments = this.#inRange(media);
    let elapsedMs = nowMs - createdMs;
    let shown = Math.min(maxFragments, fragments.length);
    for (; shown < fragments.length; shown += 1) {
      elapsedMs -= fragments[shown]?.lengthMs ?? 0;
      if (elapsedMs < 0) break;
    }
    for (const fragment of fragments.slice(0, shown)) if (this.#isLater(fragment)) this.#add(fragment);
    this.#trim();
    this.ended = endMs !== undefined && endMs < nowMs && shown === fragments.length;
  }

  /** Later than all that were shown. Of one server time there may be several, which come in the order of their numbers. */
  #isLater(fragment: Fragment): boolean {
    const last = this.#last?.fragment;
    if (last === undefined) return true;
    const time = timeOf(this.#session.kind);
    if (time(fragment) !== time(last) || this.#session.kind === 'PRODUCER_TIMESTAMP')
      return time(fragment) > time(last);
    return compareFragmentNumbers(fragment.number, last.number) > 0;
  }

  /** In time order. */
  #inRange(media: StreamMedia): Fragment[] {
    const { kind, startMs = 0, endMs = Number.POSITIVE_INFINITY } = this.#session;
    return withoutDuplicates(kind, media.within(kind, startMs, endMs));
  }

  #add(fragment: Fragment): void {
    const previous = this.#last;
    const sequence = (previous?.sequence ?? 0) + 1;
    const newMap = previous === undefined || previous.fragment.tracksId !== fragment.tracksId;
    if (newMap) this.#maps.set(sequence, fragment.number);
    const item: PlaylistItem = {
      fragment,
      sequence,
      discontinuity: previous !== undefined && (newMap || this.#isDiscontinuous(previous.fragment, fragment)),
      mapSequence: newMap ? sequence : previous.mapSequence,
    };
    this.#items.push(item);
    this.#last = item;
    // No segment may be longer than that when rounded to the nearest second (RFC 8216 §4.3.3.1); it is never less than 1.
    this.targetSeconds = Math.max(this.targetSeconds, Math.round(fragment.lengthMs / 1000));
  }

  #isDiscontinuous(before: Fragment, fragment: Fragment): boolean {
    const time = timeOf(this.#session.kind);
    switch (this.#session.discontinuity) {
      case 'ALWAYS':
        return true;
      case 'NEVER':
        return false;
      case 'ON_DISCONTINUITY':
        return Math.abs(time(fragment) - time(before) - before.lengthMs) > gapMs;
    }
  }

  #trim(): void {
    while (this.#items.length > this.#session.maxFragments) {
      const [gone] = this.#items.splice(0, 1);
      if (gone?.discontinuity === true) this.discontinuitySequence += 1;
    }
    const needed = this.#items[0]?.mapSequence ?? 0;
    for (const sequence of this.#maps.keys()) if (sequence < needed) this.#maps.delete(sequence);
  }
}
