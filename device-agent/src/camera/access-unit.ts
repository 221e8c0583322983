/** Sequence and picture parameter sets in force, without start codes (ITU-T H.264, 7.3.2.1 and 7.3.2.2). */
export interface ParameterSets {
  sps: readonly Buffer[];
  pps: readonly Buffer[];
}

/** One coded picture, as a camera delivers it. */
export interface AccessUnit {
  /**
   * NAL units without start codes, in decoding order. Delimiters and filler are left out; a keyframe always begins
   * with its parameter sets, whether or not the encoder repeats them.
   */
  nalUnits: readonly Buffer[];
  /** An IDR picture: decoding can begin here. */
  keyframe: boolean;
  /** A B picture: it is shown before one that was decoded earlier. */
  bidirectional: boolean;
  /** Wall clock of the capture, milliseconds since the epoch. */
  timestampMs: number;
  /** The same object as long as nothing changes within one capture; compare with `sameParameterSets`. */
  parameterSets: ParameterSets;
}

/** Whether two captures, or two moments of one, have the same track. */
export function sameParameterSets(a: ParameterSets, b: ParameterSets): boolean {
  return a === b || (sameNalUnits(a.sps, b.sps) && sameNalUnits(a.pps, b.pps));
}

function sameNalUnits(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((nalUnit, index) => b[index]?.equals(nalUnit));
}
