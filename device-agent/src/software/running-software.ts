import type { ChosenSoftware } from './choose-software.ts';

/** What the program that was installed tells the release that it begins within its own process. */
export interface RunningSoftware extends Omit<ChosenSoftware, 'program'> {
  /** The H.264 clip lies beside the installed program only. */
  clipPath: string;
  /** Aborted by a signal, which may have come before the release could listen. */
  stop: AbortSignal;
}

const key = Symbol.for('aovis-agent.software');
type Holder = { [key]?: RunningSoftware };

export function tellSoftware(software: RunningSoftware): void {
  (globalThis as Holder)[key] = software;
}

/** Undefined in the installed program. */
export function runningSoftware(): RunningSoftware | undefined {
  return (globalThis as Holder)[key];
}
