import type { Environment } from '../kernel/service.ts';
import type { Table } from '../kernel/store.ts';
import { TokenBucket } from '../kernel/token-bucket.ts';
import type { JsonObject } from './json.ts';
import { applyUpdate, type ShadowDocument, type UpdateResult, viewOf } from './shadow-document.ts';
import { ShadowError } from './shadow-error.ts';
import {
  defaultShadowLimits,
  parseDeleteToken,
  parseGetToken,
  parseShadowUpdate,
  type ShadowLimits,
} from './shadow-request.ts';

/** Which shadow: of a thing the classic one, or a named one. */
export interface ShadowId {
  thingName: string;
  shadowName?: string | undefined;
}

type StoredShadow = ShadowDocument | { deletedVersion: number; deletedAt: number };

/** A shadow created again within this time goes on counting versions (AWS IoT Developer Guide, "Device Shadow service data flow"). */
const versionMemorySeconds = 48 * 3600;

/** AWS General Reference, "Device Shadow service limits": requests a second for one thing. */
const requestsPerSecondAndThing = 20;
/** Buckets that are kept at most; a fleet larger than this merely gets a fresh second now and then. */
const maxBuckets = 20_000;

/** All shadows, kept in the store. Whether the thing exists does not matter: shadows outlive things. */
export class Shadows {
  readonly #table: Table<StoredShadow>;
  readonly #environment: Pick<Environment, 'clock' | 'store'>;
  readonly #limits: ShadowLimits;
  readonly #buckets = new Map<string, TokenBucket>();
  /** Can be switched off, for tests that are about something else. */
  throttling = true;

  constructor(environment: Pick<Environment, 'clock' | 'store'>, limits: Partial<ShadowLimits> = {}) {
    this.#environment = environment;
    this.#table = environment.store.table('iot-data.shadows');
    this.#limits = { ...defaultShadowLimits, ...limits };
  }

  /** The whole document with its delta; throws ShadowError 404. */
  get(id: ShadowId, payload: Uint8Array = new Uint8Array()): JsonObject {
    const clientToken = parseGetToken(payload);
    this.#throttle(id, clientToken);
    return viewOf(this.#existing(id, clientToken), this.#now(), clientToken);
  }

  /** Throws ShadowError for a body that is none, a version conflict or a document grown too large. */
  update(id: ShadowId, payload: Uint8Array): Omit<UpdateResult, 'document'> {
    const update = parseShadowUpdate(payload, this.#limits);
    this.#throttle(id, update.clientToken);
    const stored = this.#table.get(keyOf(id));
    const now = this.#now();
    const current = stored !== undefined && 'state' in stored ? stored : undefined;
    const remembered =
      stored !== undefined && 'deletedAt' in stored && now - stored.deletedAt < versionMemorySeconds
        ? stored.deletedVersion
        : 0;
    const { document, ...messages } = applyUpdate(current, update, now, this.#limits, remembered);
    this.#table.put(keyOf(id), document);
    return messages;
  }

  /** Deletes the shadow and answers its last version; throws ShadowError 404. */
  delete(id: ShadowId, payload: Uint8Array = new Uint8Array()): JsonObject {
    const clientToken = parseDeleteToken(payload);
    this.#throttle(id, clientToken);
    const { version } = this.#existing(id, clientToken);
    const timestamp = this.#now();
    this.#table.put(keyOf(id), { deletedVersion: version, deletedAt: timestamp });
    return { version, timestamp, ...(clientToken === undefined ? {} : { clientToken }) };
  }

  /** Names of the thing's named shadows in order; the classic one has none. */
  names(thingName: string): string[] {
    const prefix = `${thingName}/`;
    return [...this.#table.entries()]
      .filter(([key, shadow]) => key.startsWith(prefix) && key !== prefix && 'state' in shadow)
      .map(([key]) => key.slice(prefix.length))
      .sort();
  }

  #existing(id: ShadowId, clientToken: string | undefined): ShadowDocument {
    const stored = this.#table.get(keyOf(id));
    if (stored === undefined || !('state' in stored)) {
      throw new ShadowError(
        404,
        `No shadow exists with name: '${id.shadowName ?? id.thingName}'`,
        clientToken,
      );
    }
    return stored;
  }

  #throttle({ thingName }: ShadowId, clientToken: string | undefined): void {
    if (!this.throttling) return;
    let bucket = this.#buckets.get(thingName);
    if (bucket === undefined) {
      if (this.#buckets.size >= maxBuckets) this.#buckets.clear();
      bucket = new TokenBucket(this.#environment.clock, requestsPerSecondAndThing);
      this.#buckets.set(thingName, bucket);
    }
    if (!bucket.tryTake()) throw new ShadowError(429, 'Too many requests', clientToken);
  }

  #now(): number {
    return Math.floor(this.#environment.clock.nowSeconds());
  }
}

/** Neither thing nor shadow names contain a slash. */
function keyOf({ thingName, shadowName = '' }: ShadowId): string {
  return `${thingName}/${shadowName}`;
}
