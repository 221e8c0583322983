import type { AccessUnit, ParameterSets } from './access-unit.ts';
import type { TimedNalUnit } from './annex-b-splitter.ts';
import { isSlice, nalType, nalTypeOf, readSliceHeader } from './nal-unit.ts';
import { ParameterSetCache } from './parameter-set-cache.ts';

/**
 * Groups NAL units into access units (ITU-T H.264, 7.4.1.2.3). A new one begins with a delimiter, SEI, parameter set
 * or reserved prefix NAL unit after a slice, or with a slice whose first macroblock is number 0. Nothing comes out
 * before the first keyframe whose parameter sets are known.
 */
export class AccessUnitAssembler {
  readonly #cache = new ParameterSetCache();
  #nalUnits: Buffer[] = [];
  #hasSlice = false;
  #keyframe = false;
  #bidirectional = false;
  #timestampMs: number | undefined;
  #synchronised = false;

  /** Takes one NAL unit; gives the access unit that it ended, if it did. */
  push({ nalUnit, timestampMs }: TimedNalUnit): AccessUnit | undefined {
    const type = nalTypeOf(nalUnit);
    const header = isSlice(type) ? readSliceHeader(nalUnit) : undefined;
    const ended =
      this.#hasSlice && beginsAccessUnit(type, header?.firstMacroblock) ? this.flush() : undefined;
    this.#timestampMs ??= timestampMs;
    this.#take(type, nalUnit, header?.bidirectional ?? false);
    return ended;
  }

  /** Ends the current access unit, as at the end of the stream. */
  flush(): AccessUnit | undefined {
    const accessUnit = this.#hasSlice ? this.#finish() : undefined;
    this.#nalUnits = [];
    this.#hasSlice = false;
    this.#keyframe = false;
    this.#bidirectional = false;
    this.#timestampMs = undefined;
    return accessUnit;
  }

  #take(type: number, nalUnit: Buffer, bidirectional: boolean): void {
    if (type === nalType.accessUnitDelimiter || type === nalType.filler) return;
    if (type === nalType.sps || type === nalType.pps) {
      this.#cache.take(nalUnit);
      return;
    }
    if (isSlice(type)) {
      this.#hasSlice = true;
      this.#keyframe ||= type === nalType.idrSlice;
      this.#bidirectional ||= bidirectional;
    }
    this.#nalUnits.push(nalUnit);
  }

  #finish(): AccessUnit | undefined {
    const parameterSets = this.#cache.current();
    if (parameterSets === undefined) return undefined;
    this.#synchronised ||= this.#keyframe;
    if (!this.#synchronised) return undefined;
    return {
      nalUnits: this.#keyframe ? withParameterSets(parameterSets, this.#nalUnits) : this.#nalUnits,
      keyframe: this.#keyframe,
      bidirectional: this.#bidirectional,
      timestampMs: this.#timestampMs ?? 0,
      parameterSets,
    };
  }
}

function withParameterSets({ sps, pps }: ParameterSets, nalUnits: readonly Buffer[]): Buffer[] {
  return [...sps, ...pps, ...nalUnits];
}

function beginsAccessUnit(type: number, firstMacroblock: number | undefined): boolean {
  if (isSlice(type)) return firstMacroblock === 0;
  return (
    (type >= nalType.sei && type <= nalType.accessUnitDelimiter) ||
    (type >= nalType.firstReservedPrefix && type <= nalType.lastReservedPrefix)
  );
}
