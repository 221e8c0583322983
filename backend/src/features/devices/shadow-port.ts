import type { z } from 'zod';

type Json = z.core.util.JSONType;
export type ShadowSection = Record<string, Json>;

/** A device shadow as the cloud holds it. `delta` is the part of `desired` that `reported` lacks. */
export interface ShadowDocument {
  reported: ShadowSection;
  desired: ShadowSection;
  delta: ShadowSection;
  version: number;
  /** When the newest leaf of `reported` was written, milliseconds since the Unix epoch; undefined when it is empty. */
  reportedAtMs: number | undefined;
}

/** A thing's shadows; `shadowName` undefined means the classic one. */
export interface ShadowPort {
  /** @throws AppError service_unavailable */
  find(thing: string, shadowName: string | undefined): Promise<ShadowDocument | undefined>;
  /**
   * Merges `desired` into the shadow. `expectedVersion` 0 means that none exists yet.
   * @throws AppError shadow_version_conflict, service_unavailable
   */
  mergeDesired(
    thing: string,
    change: { shadowName: string; desired: ShadowSection; expectedVersion: number },
  ): Promise<void>;
  /** Deletes the shadow; one that does not exist is fine. @throws AppError service_unavailable */
  clear(thing: string, shadowName: string | undefined): Promise<void>;
}
