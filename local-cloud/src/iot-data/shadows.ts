import type { Environment } from '../kernel/service.ts';
import type { Table } from '../kernel/store.ts';
import type { JsonObject } from './json.ts';
import { applyUpdate, type ShadowDocument, type UpdateResult, viewOf } from './shadow-document.ts';
import { ShadowError } from './shadow-error.ts';
import {
  defaultShadowLimits,
  parseShadowToken,
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

/** All shadows, kept in the store. Whether the thing exists does not matter: shadows outlive things. */
export class Shadows {
  readonly #table: Table<StoredShadow>;
  readonly #environment: Pick<Environment, 'clock' | 'store'>;
  readonly #limits: ShadowLimits;

  constructor(environment: Pick<Environment, 'clock' | 'store'>, limits: Partial<ShadowLimits> = {}) {
    this.#environment = environment;
    this.#table = environment.store.table('iot-data.shadows');
    this.#limits = { ...defaultShadowLimits, ...limits };
  }

  /** The whole document with its delta; throws ShadowError 404. */
  get(id: ShadowId, payload: Uint8Array = new Uint8Array()): JsonObject {
    const clientToken = parseShadowToken(payload);
    return viewOf(this.#existing(id, clientToken), this.#now(), clientToken);
  }

  /** Throws ShadowError for a body that is none, a version conflict or a document grown too large. */
  update(id: ShadowId, payload: Uint8Array): Omit<UpdateResult, 'document'> {
    const update = parseShadowUpdate(payload, this.#limits);
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
    const clientToken = parseShadowToken(payload);
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

  #now(): number {
    return Math.floor(this.#environment.clock.nowSeconds());
  }
}

/** Neither thing nor shadow names contain a slash. */
function keyOf({ thingName, shadowName = '' }: ShadowId): string {
  return `${thingName}/${shadowName}`;
}
