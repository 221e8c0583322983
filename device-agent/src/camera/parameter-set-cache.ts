import type { ParameterSets } from './access-unit.ts';
import { BitReader } from './bit-reader.ts';
import { nalType, nalTypeOf, rawBytesOf } from './nal-unit.ts';

/** Smallest SPS that holds profile, constraints, level and an id. */
const minSpsBytes = 5;

/**
 * Remembers the latest parameter set of each id, for encoders that send them once only (several hardware encoders
 * do) while every keyframe needs them. Sets that cannot be read are left out.
 */
export class ParameterSetCache {
  readonly #sps = new Map<number, Buffer>();
  readonly #pps = new Map<number, Buffer>();
  #current: ParameterSets | undefined;

  take(nalUnit: Buffer): void {
    const isSps = nalTypeOf(nalUnit) === nalType.sps;
    const id = isSps ? spsIdOf(nalUnit) : ppsIdOf(nalUnit);
    if (id === undefined) return;
    const sets = isSps ? this.#sps : this.#pps;
    if (sets.get(id)?.equals(nalUnit)) return;
    sets.set(id, nalUnit);
    this.#current = undefined;
  }

  /** The sets in force, the same object until one changes; undefined before both kinds were seen. */
  current(): ParameterSets | undefined {
    if (this.#sps.size === 0 || this.#pps.size === 0) return undefined;
    this.#current ??= { sps: [...this.#sps.values()], pps: [...this.#pps.values()] };
    return this.#current;
  }
}

/** 0 to 31 (ITU-T H.264, 7.4.2.1.1). */
function spsIdOf(nalUnit: Buffer): number | undefined {
  if (nalUnit.length < minSpsBytes) return undefined;
  return readId(rawBytesOf(nalUnit, 16).subarray(3), 31);
}

/** 0 to 255 (ITU-T H.264, 7.4.2.2). */
function ppsIdOf(nalUnit: Buffer): number | undefined {
  return readId(rawBytesOf(nalUnit, 8), 255);
}

function readId(bytes: Buffer, max: number): number | undefined {
  try {
    const id = new BitReader(bytes).unsignedExpGolomb();
    return id <= max ? id : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
