import type { AccessUnit } from './access-unit.ts';
import { AccessUnitAssembler } from './access-unit-assembler.ts';
import { AnnexBSplitter } from './annex-b-splitter.ts';

/** H.264 bytes in, access units out: the splitter and the assembler in a row. */
export class AccessUnitParser {
  readonly #splitter = new AnnexBSplitter();
  readonly #assembler = new AccessUnitAssembler();

  /** Takes bytes received at `timestampMs`; an access unit carries the time at which its first byte came in. */
  push(chunk: Uint8Array, timestampMs: number): AccessUnit[] {
    return this.#splitter.push(chunk, timestampMs).flatMap((nalUnit) => this.#assembler.push(nalUnit) ?? []);
  }

  /** The stream has ended: gives what is left. */
  flush(): AccessUnit[] {
    const accessUnits = this.#splitter.flush().flatMap((nalUnit) => this.#assembler.push(nalUnit) ?? []);
    const last = this.#assembler.flush();
    return last === undefined ? accessUnits : [...accessUnits, last];
  }
}
